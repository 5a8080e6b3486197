"""What takes longest at a start begins first: the database server, while the rest of the platform is being imported."""

import contextlib
from concurrent.futures import ThreadPoolExecutor

from twelve.core.errors import TwelveError
from twelve.infra.procfs import keep_descriptors_to_ourselves
from twelve.infra.settings import Settings
from twelve.stages.logs.hub import LogHub
from twelve.stages.logs.pump import Pump
from twelve.stages.services.postgres_server import PostgresServer

PLATFORM_LOG = ""  # the log stream of the platform itself


class First:
    """`wait_for_database` before anything is asked of `state`; an error of its start is raised there."""

    def __init__(self, settings: Settings) -> None:
        keep_descriptors_to_ourselves()
        self.logs = LogHub(settings.log_history, directory=settings.log_lines)
        self.pump = Pump(self.logs)
        self.pump.start()
        self.state = PostgresServer(settings, self.server_output)
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="database")
        self._opening = None if settings.database_url else self._pool.submit(self.state.ensure)

    def wait_for_database(self) -> None:
        try:
            if self._opening is not None:
                self._opening.result()
        finally:
            self._pool.shutdown()

    def give_up(self) -> None:
        """Something else keeps the platform from starting: nothing that was started for it stays."""
        with contextlib.suppress(TwelveError):
            self.wait_for_database()
        self.state.give_up()
        self.pump.stop()

    def server_output(self, server: str, chunk: bytes) -> None:
        for line in chunk.decode(errors="replace").splitlines():
            self.logs.write(PLATFORM_LOG, server, line)
