"""An engine with in-memory ends: what it says, what its processes print, what it records."""

import os
import pickle
import threading
import time
from collections import deque
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

from twelve.core.model import AppManifest, FormationWish, HealthCheck, Layer, ProcessSpec, Slug
from twelve.infra.settings import Settings
from twelve.stages.run.local.engine import LocalEngine

APP_ID = UUID(int=1)
APP = "sample"


class MemorySink:
    def __init__(self):
        self.lines = []

    def write(self, app, process, text, *, source="heroku"):
        self.lines.append((app, process, source, text))

    def of(self, process):
        return [text for _, name, _, text in self.lines if name == process]


class MemoryPump:
    """Reads every pipe from one thread, as the real one does."""

    def __init__(self):
        self.text = {}
        self._open = {}
        self._lock = threading.Lock()
        self._running = True
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def attach(self, fd, app, process, key):
        with self._lock:
            self._open[fd] = (process, bytearray())
            self.text.setdefault(process, bytearray())

    def finish(self, fd):
        with self._lock:
            self._drain(fd)
            _, own = self._open.pop(fd)
            os.close(fd)
        return tuple(deque(own.decode(errors="replace").splitlines(), maxlen=20))

    def close(self):
        self._running = False
        self._thread.join()
        with self._lock:
            for fd in self._open:
                os.close(fd)
            self._open.clear()

    def lines(self, process):
        return bytes(self.text.get(process, b"")).decode(errors="replace").splitlines()

    def _run(self):
        while self._running:
            with self._lock:
                for fd in list(self._open):
                    self._drain(fd)
            time.sleep(0.005)

    def _drain(self, fd):
        process, own = self._open[fd]
        while True:
            try:
                chunk = os.read(fd, 65536)
            except BlockingIOError:
                return
            if not chunk:
                return
            own += chunk
            self.text[process] += chunk


class FileRecords:
    """The records of one platform, in a file, so that they outlive an engine's process."""

    def __init__(self, file: Path):
        self._file = file
        self._lock = threading.Lock()

    def insert(self, records):
        self._change(lambda rows: rows.update({record.id: record for record in records}))

    def update(self, records):
        self._change(lambda rows: rows.update({record.id: record for record in records if record.id in rows}))

    def delete(self, ids):
        gone = list(ids)
        self._change(lambda rows: [rows.pop(one, None) for one in gone])

    def own(self):
        return self.list()

    def list(self, app_id=None):
        return [record for record in self._read().values() if app_id in {None, record.app_id}]

    def _read(self):
        return pickle.loads(self._file.read_bytes()) if self._file.exists() else {}

    def _change(self, change):
        with self._lock:
            rows = self._read()
            change(rows)
            fresh = self._file.with_suffix(".new")
            fresh.write_bytes(pickle.dumps(rows))
            fresh.replace(self._file)


class World:
    def __init__(self, home: Path, sandbox: str = "", restart_cap: float = 300.0):
        self.settings = replace(Settings(home=home), sandbox=sandbox, restart_cap=restart_cap)
        self.settings.make_directories()
        self.sink = MemorySink()
        self.pump = MemoryPump()
        self.records = FileRecords(home / "records")
        self.events = []
        self.engine = LocalEngine(self.settings, self.records, self.sink, self.pump)
        self.engine.subscribe(self.events.append)

    def close(self, *, stop=True):
        self.engine.close(stop=stop)
        self.pump.close()

    def run(self, spec, timeout=20):
        """A run-once process to its end: its status and its lines."""
        self.engine.start([spec])
        return self.engine.wait_exit(spec.id, timeout), self.pump.lines(spec.name)


def make_slug(directory: Path, files=None, **more) -> Slug:
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in (files or {}).items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)
    return Slug(uuid4(), uuid4().hex, (Layer("app", "app", directory),), {}, AppManifest(), **more)


def make_spec(slug: Slug, command: str, **more) -> ProcessSpec:
    kind = more.pop("type", "worker" if more.get("kept") else "run")
    wish = {key: more.pop(key) for key in ("boot_timeout", "stop_timeout") if key in more}
    env = {"PATH": "/usr/local/bin:/usr/bin:/bin", **more.pop("env", {})}
    fields = {"number": 1, "kept": False, "release_id": UUID(int=2), "release_version": 1, **more}
    if fields["kept"] and not fields.get("routed") and "checks" not in fields:
        fields["checks"] = (HealthCheck(uptime=0.2),)
    return ProcessSpec(
        id=uuid4(), app_id=APP_ID, app=APP, type=kind, command=command, slug=slug, env=env,
        wish=FormationWish(**wish), **fields,
    )  # fmt: skip


def until(condition, timeout=15.0):
    """Poll until it gives something; fail when the time is over."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.01)
    return value
