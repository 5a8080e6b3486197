"""The one module that chooses adapters from the environment and puts the platform together."""

import getpass
from functools import partial

from twelve import __version__
from twelve.flow import rollback
from twelve.flow.keep import Keeper
from twelve.flow.keep_drains import DrainKeeper
from twelve.flow.outputs import Outputs
from twelve.flow.platform import Platform
from twelve.flow.scheduler import Scheduler
from twelve.infra.database import Database
from twelve.infra.sealing import open_sealer
from twelve.infra.settings import Settings
from twelve.stages.build.builder import Builder
from twelve.stages.build.store import Builds, Slugs
from twelve.stages.config.store import ConfigStore
from twelve.stages.logs.drains.store import Drains
from twelve.stages.logs.hub import LogHub
from twelve.stages.logs.pump import Pump
from twelve.stages.release.store import Releases
from twelve.stages.router.haproxy import HaproxyRouter
from twelve.stages.run.formation import Formations
from twelve.stages.run.local.engine import LocalEngine
from twelve.stages.run.processes import ProcessRecords
from twelve.stages.run.schedules import Schedules
from twelve.stages.services.catalogue import providers
from twelve.stages.services.postgres_server import PostgresServer
from twelve.stages.services.store import Attachments, Resources
from twelve.stages.source.apps import Apps

PLATFORM_LOG = ""  # the log stream of the platform itself


class Wiring:
    """From settings to a platform that can work: database first, because everything else is kept in it.

    Ends in one of two ways: `stop` ends every server, `leave` leaves them to the next platform process.
    """

    def __init__(self, settings: Settings) -> None:
        self._logs = LogHub(settings.log_history)
        self._pump = Pump(self._logs.publish)
        self._pump.start()
        self._state = PostgresServer(settings, self._server_output)
        self._database = self._open_database(settings)
        self.platform = self._put_together(settings)
        self.scheduler = Scheduler(self.platform)

    def stop(self) -> None:
        self._end_supervision()
        for provider in self.platform.providers.values():
            provider.stop()
        self._router.stop()
        self._end_logs()
        self._database.close()
        self._state.stop()

    def leave(self) -> None:
        self._end_supervision()
        for provider in self.platform.providers.values():
            provider.release()
        self._router.release()
        self._end_logs()
        self._database.close()
        self._state.release()

    def _end_supervision(self) -> None:
        self.scheduler.close()
        self.platform.keeper.close()
        self._engine.close()
        self.scheduler.settle()

    def _end_logs(self) -> None:
        """The drains last: they take everything that was read."""
        self._pump.stop()
        self.platform.drain_keeper.close()

    def _open_database(self, settings: Settings) -> Database:
        if settings.database_url is None:
            self._state.ensure()
        database = Database(settings.database_url or self._state.platform_url())
        database.migrate()
        return database

    def _put_together(self, settings: Settings) -> Platform:
        database = self._database
        sealer = open_sealer(settings.secret_key, settings.home / "secret.key", database)
        slugs, builds = Slugs(database), Builds(database)
        apps, formations = Apps(database), Formations(database)
        self._engine = LocalEngine(settings, ProcessRecords(database), self._logs, self._pump)
        self._router = HaproxyRouter(settings, self._logs)
        self._router.start()
        keeper = Keeper(self._engine, self._router, apps.get, formations.list)
        keeper.start()
        platform = Platform(
            settings=settings,
            database=database,
            apps=apps,
            config=ConfigStore(database, sealer),
            slugs=slugs,
            builds=builds,
            builder=Builder(settings, slugs),
            resources=Resources(database, sealer),
            attachments=Attachments(database),
            providers=providers(settings, self._state, self._server_output, database),
            releases=Releases(database, sealer),
            formations=formations,
            schedules=Schedules(database),
            engine=self._engine,
            router=self._router,
            logs=self._logs,
            drains=Drains(database, sealer),
            drain_keeper=DrainKeeper(self._logs, __version__),
            outputs=Outputs(builds.output),
            keeper=keeper,
            user=f"{getpass.getuser()}@localhost",
            version=__version__,
        )
        platform.probation.act_by(partial(rollback.after_crashes, platform))
        self._engine.subscribe(platform.probation.observe)
        return platform

    def _server_output(self, server: str, chunk: bytes) -> None:
        for line in chunk.decode(errors="replace").splitlines():
            self._logs.write(PLATFORM_LOG, server, line)
