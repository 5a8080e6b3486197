"""Release -> processes, on this machine. A thread-safe face; behind it one loop in one thread supervises everything."""

import asyncio
import concurrent.futures
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from twelve.core.errors import NotFound, PlatformError
from twelve.core.model import Process, ProcessSpec, ProcessState
from twelve.core.model.metrics import Usage
from twelve.core.ports import BootResult, LogSink, OutputPump, PlatformProcess, ProcessEvent
from twelve.infra.procfs import keep_descriptors_to_ourselves
from twelve.infra.settings import Settings
from twelve.stages.run.local import adoption
from twelve.stages.run.local.attached import Attached, AttachedStreams
from twelve.stages.run.local.batch import Batch
from twelve.stages.run.local.ground import Ground, Outcome, Outlet
from twelve.stages.run.local.journal import Journal, Records
from twelve.stages.run.local.limits import Limiter
from twelve.stages.run.local.output import Holders, PumpedOutput
from twelve.stages.run.local.ports import Ports
from twelve.stages.run.local.sandbox import MEANING, choose
from twelve.stages.run.local.supervisor import Supervisor
from twelve.stages.run.local.usage import of_life
from twelve.stages.run.processes import ProcessRecord

log = logging.getLogger(__name__)

REMEMBERED = 1000  # ended processes whose status can still be asked for
WORKERS = 64  # threads for what blocks: checks, copies, the end of an output

T = TypeVar("T")


class LocalEngine:
    def __init__(self, settings: Settings, records: Records, sink: LogSink, pump: OutputPump) -> None:
        keep_descriptors_to_ourselves()
        self._directory = settings.run / "processes"
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._sandbox = choose(settings.sandbox, settings.run)
        self._records = records
        self._pump = pump
        self._journal = Journal(records)
        self._holders = Holders()
        self._limiter = Limiter(settings.run)
        self._limiter.note()
        log.log(logging.WARNING if self._limiter.lacks else logging.INFO, "limits: %s", self._limiter.meaning)
        self._ground = Ground(
            self._sandbox, self._limiter, Ports(), sink, self._journal, settings.restart_cap, self._tell
        )
        self._supervised: dict[UUID, Supervisor] = {}
        self._ended: OrderedDict[UUID, Outcome] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()
        self._listeners: list[Callable[[ProcessEvent], None]] = []
        self._taking_calls = threading.Lock()
        self._closing = False  # from then on nobody waits for what nobody will answer
        self._loop = asyncio.new_event_loop()
        self._loop.set_default_executor(ThreadPoolExecutor(WORKERS, thread_name_prefix="engine"))
        self._thread = threading.Thread(target=self._loop.run_forever, name="engine", daemon=True)
        self._thread.start()

    @property
    def isolation(self) -> str:
        """bwrap, landlock or none; `isolation_meaning` says it in a sentence."""
        return self._sandbox.name

    @property
    def isolation_meaning(self) -> str:
        return MEANING[self._sandbox.name]

    @property
    def limits(self) -> Sequence[str]:
        """Which of memory, pids and cpu control groups hold each process to."""
        return self._limiter.in_force

    @property
    def weakness(self) -> str:
        return "" if self.isolation == "bwrap" else self.isolation_meaning

    @property
    def confined(self) -> bool:
        return self.isolation != "none"

    def start(self, specs: Sequence[ProcessSpec]) -> list[Process]:
        if not specs:
            return []
        outlets = [self._pumped(spec.id, spec.app, spec.name) for spec in specs]
        return [supervisor.process for supervisor in self._begin(specs, outlets)]

    def attach(self, spec: ProcessSpec) -> Attached:
        streams = AttachedStreams(spec.terminal)
        try:
            (supervisor,) = self._begin([spec], [streams])
        except BaseException:
            streams.close()
            raise
        return Attached(
            supervisor.process,
            streams,
            wait=lambda: self.wait_exit(spec.id),
            hang_up=lambda: self._soon(supervisor.hang_up()),
        )

    def wait_up(self, ids: Iterable[UUID]) -> list[BootResult]:
        results = self._call(_first_failure_or_all([self._find(process).booted for process in ids]))
        self._journal.flush()
        return results

    def stop(self, ids: Iterable[UUID], *, quiet: bool = False) -> None:
        self._call(self._stop([one for process in ids if (one := self._supervised.get(process))], quiet=quiet))
        self._journal.flush()

    def wait_exit(self, process: UUID, timeout: float | None = None) -> int:
        return self._call(asyncio.wait_for(asyncio.shield(self._find(process).ended), timeout))

    def processes(self, app_id: UUID | None = None) -> list[Process]:
        return sorted(
            (one.process for one in list(self._supervised.values()) if app_id is None or one.spec.app_id == app_id),
            key=lambda process: (process.type != "web", process.type, process.number, process.created_at),
        )

    def subscribe(self, listener: Callable[[ProcessEvent], None]) -> None:
        self._listeners.append(listener)

    def recorded(self) -> list[Process]:
        records = [record for record in self._records.list() if record.id not in self._supervised]
        return [record.process(record.created_at) for record in records]

    def adopt(self, specs: Mapping[UUID, ProcessSpec]) -> list[Process]:
        places = list(self._directory.iterdir())
        records = [record for record in self._records.own() if record.id not in self._supervised]
        if not records and not places:
            return []
        found = adoption.find(records, specs, self._directory)
        adopted, strangers = self._call(self._take_over(found.finds, specs))
        self._call(self._forget(found.lost))
        self._call(self._stop(strangers, quiet=False))
        self._journal.flush()
        adoption.sweep(places, known={find.record.id for find in found.finds} | self._supervised.keys())
        return [supervisor.process for supervisor in adopted]

    def usage(self, app_id: UUID | None = None) -> Mapping[UUID, Usage]:
        return {
            process.id: of_life(process.pid, self._place(process.id))
            for process in self.processes(app_id)
            if process.pid is not None and process.state in {ProcessState.STARTING, ProcessState.UP}
        }

    def platform_processes(self) -> list[PlatformProcess]:
        return self._holders.processes()

    def close(self, *, stop: bool = False) -> None:
        if stop:
            self.stop([process.id for process in self.processes()])
        with self._taking_calls:
            self._closing = True
        asyncio.run_coroutine_threadsafe(self._let_go(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._sandbox.close()
        self._journal.close()

    def _begin(self, specs: Sequence[ProcessSpec], outlets: Sequence[Outlet]) -> list[Supervisor]:
        self._sandbox.refresh()
        return self._call(self._begin_all(specs, outlets))

    async def _begin_all(self, specs: Sequence[ProcessSpec], outlets: Sequence[Outlet]) -> list[Supervisor]:
        """First the rows: nothing runs that the next server would not find."""
        records = [_record(spec) for spec in specs]
        supervisors = [
            Supervisor(spec, record, self._place(spec.id), outlet, self._ground)
            for spec, record, outlet in zip(specs, records, outlets, strict=True)
        ]
        batch = Batch(supervisors)
        try:
            await batch.begin(enrolled=asyncio.to_thread(self._records.insert, records))
            self._hold(batch.ready)
        except BaseException:
            await self._take_back(batch)
            raise
        self._watch_begun(batch)
        return supervisors

    async def _take_back(self, batch: Batch) -> None:
        await batch.settle()
        self._watch_begun(batch)
        await self._stop(batch.begun, quiet=True)
        for supervisor in batch.give_up():
            self._holders.release(supervisor.spec.id)
            self._journal.forget(supervisor.spec.id)
            supervisor.clear()

    def _watch_begun(self, batch: Batch) -> None:
        for supervisor in batch.begun:
            supervisor.outlet.opened()
            self._watch(supervisor)

    def _hold(self, supervisors: Sequence[Supervisor]) -> None:
        writers = {one.spec.id: one.outlet.writer for one in supervisors if isinstance(one.outlet, PumpedOutput)}
        if writers:
            self._holders.hold({process: self._place(process) for process in writers}, writers.values())

    def _watch(self, supervisor: Supervisor, *, waiting: bool = False) -> None:
        self._supervised[supervisor.spec.id] = supervisor
        task = self._loop.create_task(self._follow(supervisor, waiting=waiting))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _follow(self, supervisor: Supervisor, *, waiting: bool) -> None:
        await supervisor.run(waiting=waiting)
        process = supervisor.spec.id
        self._supervised.pop(process, None)
        self._ended[process] = supervisor.outcome
        while len(self._ended) > REMEMBERED:
            self._ended.popitem(last=False)
        self._holders.release(process)

    async def _stop(self, supervisors: Sequence[Supervisor], *, quiet: bool) -> None:
        for supervisor in supervisors:
            supervisor.stop(quiet=quiet)
        if supervisors:
            await asyncio.wait({supervisor.outcome.ended for supervisor in supervisors})

    async def _take_over(
        self, finds: Sequence[adoption.Find], specs: Mapping[UUID, ProcessSpec]
    ) -> tuple[list[Supervisor], list[Supervisor]]:
        """Those that belong, and those that have to go."""
        adopted: list[Supervisor] = []
        strangers: list[Supervisor] = []
        for find in finds:
            record = find.record
            outlet = self._pumped(record.id, record.app, f"{record.type}.{record.number}")
            spec = specs.get(record.id)
            supervisor = Supervisor(
                spec or adoption.bare_spec(record), record, self._place(record.id), outlet, self._ground
            )
            self._holders.adopt(record.id, self._place(record.id))
            waiting = find.waiting
            if not waiting:
                outlet.read()
                supervisor.resume(find.pid)
            self._watch(supervisor, waiting=waiting)
            (strangers if spec is None else adopted).append(supervisor)
        self._holders.replace({one.spec.id: one.place for one in (*adopted, *strangers)})
        return adopted, strangers

    async def _forget(self, processes: Sequence[UUID]) -> None:
        self._records.delete(processes)
        for process in processes:
            self._holders.adopt(process, self._place(process))
            self._holders.release(process)

    async def _let_go(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for call in asyncio.all_tasks() - {asyncio.current_task()}:
            call.cancel()  # whoever waits for a process hears that we end
        await self._loop.shutdown_default_executor()

    def _pumped(self, process: UUID, app: str, name: str) -> PumpedOutput:
        return PumpedOutput(self._place(process), self._pump, app, name)

    def _place(self, process: UUID) -> Path:
        return self._directory / process.hex

    def _find(self, process: UUID) -> Outcome:
        if supervisor := self._supervised.get(process):
            return supervisor.outcome
        if ended := self._ended.get(process):
            return ended
        raise NotFound(f"No process {process} runs here.", resource="dyno")

    def _tell(self, event: ProcessEvent) -> None:
        for listener in list(self._listeners):
            listener(event)

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        with self._taking_calls:
            if self._closing:
                work.close()
                raise PlatformError("The platform is stopping.")
            call = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return call.result()
        except concurrent.futures.CancelledError:
            raise PlatformError("The platform is stopping.") from None

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop)


async def _first_failure_or_all(boots: Sequence[asyncio.Future[BootResult]]) -> list[BootResult]:
    pending = set(boots)
    while pending:
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        if any(boot.result().kind != "up" for boot in done):
            break
    return [boot.result() for boot in boots if boot.done()]


def _record(spec: ProcessSpec) -> ProcessRecord:
    return ProcessRecord(
        id=spec.id,
        app_id=spec.app_id,
        app=spec.app,
        release_id=spec.release_id,
        release_version=spec.release_version,
        type=spec.type,
        number=spec.number,
        command=spec.command,
        size=spec.size,
        state=ProcessState.STARTING,
        kept=spec.kept,
        created_at=datetime.now(UTC),
    )
