"""The one module that chooses adapters from the environment and puts the platform together."""

import getpass
from functools import partial

from twelve import __version__
from twelve.first import First
from twelve.flow import rollback
from twelve.flow.autoscaler import Autoscaler
from twelve.flow.keep import Keeper
from twelve.flow.keep_drains import DrainKeeper
from twelve.flow.outputs import Outputs
from twelve.flow.platform import Platform
from twelve.flow.probation import Probation
from twelve.flow.retrainer import Retrainer
from twelve.flow.rollout_acts import ByItself
from twelve.flow.rollout_watch import RolloutWatch
from twelve.flow.scheduler import Scheduler
from twelve.infra.database import Database
from twelve.infra.sealing import open_sealer, server_id
from twelve.infra.settings import Settings
from twelve.stages.build.builder import Builder
from twelve.stages.build.sandbox import Sandbox
from twelve.stages.build.store import Builds, Slugs
from twelve.stages.config.store import ConfigStore
from twelve.stages.logs.drains.store import Drains
from twelve.stages.metrics.traffic import Traffic
from twelve.stages.metrics.units.store import Units
from twelve.stages.models.aliases import Aliases
from twelve.stages.release.rollouts import Rollouts
from twelve.stages.release.store import Releases
from twelve.stages.router.haproxy import HaproxyRouter
from twelve.stages.run.formation import Formations
from twelve.stages.run.local.engine import LocalEngine
from twelve.stages.run.processes import ProcessRecords
from twelve.stages.run.retrainings import Retrainings
from twelve.stages.run.schedules import Schedules
from twelve.stages.services.catalogue import providers
from twelve.stages.services.store import Attachments, Resources
from twelve.stages.source.apps import Apps


class Wiring:
    """From settings to a platform that can work. The database opens meanwhile: everything else is kept in it.

    Ends in one of two ways: `stop` ends every server, `leave` leaves them to the next platform process.
    """

    def __init__(self, settings: Settings, first: First) -> None:
        self._first = first
        self._logs, self._pump, self._state = first.logs, first.pump, first.state
        self._traffic = Traffic()
        self._router = HaproxyRouter(settings, self._logs, self._traffic)
        try:
            self._router.start()
            build_sandbox = Sandbox()
            self._database = self._open_database(settings)
            self.platform = self._put_together(settings, build_sandbox)
        except BaseException:
            self._router.give_up()
            raise
        self.scheduler = Scheduler(self.platform)
        self.retrainer = Retrainer(self.platform)
        self.autoscaler = Autoscaler(self.platform)
        self.rollout_watch = RolloutWatch(self.platform, ByItself(self.platform))

    def stop(self) -> None:
        self._end_supervision()
        for provider in self.platform.providers.values():
            provider.stop()
        self._router.stop()
        self._end_logs()
        self._database.close()
        self._state.stop()

    def rest(self) -> None:
        """Before `leave`, while readers of logs are still there: what comes from now on is for the next server."""
        self._pump.rest()

    def leave(self) -> None:
        self._end_supervision()
        for provider in self.platform.providers.values():
            provider.release()
        self._router.release()
        self._end_logs()
        self._database.close()
        self._state.release()

    def _end_supervision(self) -> None:
        self.autoscaler.close()
        self.rollout_watch.close()
        self.scheduler.close()
        self.retrainer.close()
        self.platform.keeper.close()
        self._engine.close()
        self.scheduler.settle()
        self.retrainer.settle()

    def _end_logs(self) -> None:
        """The drains last: they take everything that was read; so does the watch over rollouts."""
        self._pump.stop()
        self.rollout_watch.finish()
        self.platform.drain_keeper.close()

    def _open_database(self, settings: Settings) -> Database:
        self._first.wait_for_database()
        database = Database(settings.database_url or self._state.platform_url())
        database.migrate()
        return database

    def _put_together(self, settings: Settings, build_sandbox: Sandbox) -> Platform:
        database = self._database
        sealer = open_sealer(settings.secret_key, settings.home / "secret.key", database)
        slugs, builds = Slugs(database), Builds(database)
        apps, formations = Apps(database), Formations(database)
        self._engine = LocalEngine(settings, ProcessRecords(database, server_id(settings.data)), self._logs, self._pump)
        probation = Probation()
        self._engine.subscribe(probation.observe)  # before the keeper: it must know that help comes
        keeper = Keeper(self._engine, self._router, apps.get, formations.list)
        keeper.start()
        platform = Platform(
            settings=settings,
            database=database,
            apps=apps,
            config=ConfigStore(database, sealer),
            slugs=slugs,
            builds=builds,
            builder=Builder(settings, slugs, sandbox=build_sandbox),
            resources=Resources(database, sealer),
            attachments=Attachments(database),
            providers=providers(settings, self._state, self._first.server_output, database),
            releases=Releases(database, sealer),
            aliases=Aliases(database),
            rollouts=Rollouts(database),
            units=Units(database),
            formations=formations,
            schedules=Schedules(database),
            retrainings=Retrainings(database),
            engine=self._engine,
            router=self._router,
            logs=self._logs,
            drains=Drains(database, sealer),
            drain_keeper=DrainKeeper(self._logs, __version__),
            outputs=Outputs(builds.output),
            keeper=keeper,
            user=f"{getpass.getuser()}@localhost",
            version=__version__,
            probation=probation,
            traffic=self._traffic,
        )
        probation.act_by(partial(rollback.after_crashes, platform), announce=keeper.expect_help)
        self._engine.subscribe(platform.restarts.observe)
        return platform
