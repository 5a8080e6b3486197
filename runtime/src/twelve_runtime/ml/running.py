"""Where a walk down the chain waits: on the event loop or in the calling thread; and the threads for slow models."""

import asyncio
import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import cast

from twelve_runtime.ml.chain import Pending, Walk
from twelve_runtime.ml.model import Answer, Level
from twelve_runtime.ml.tensors import Arrays


async def on_loop(walk: Walk) -> Answer:
    try:
        wait = walk.send(None)  # type: ignore[arg-type]  # how a generator is begun
        while True:
            try:
                async with asyncio.timeout(wait.seconds):
                    outputs = await _awaitable(wait.pending)
            except Exception as error:  # noqa: BLE001 - the walk decides what it means
                wait = walk.throw(error)
            else:
                wait = walk.send(outputs)
    except StopIteration as done:
        return cast("Answer", done.value)
    finally:
        walk.close()


def in_thread(walk: Walk) -> Answer:
    try:
        wait = walk.send(None)  # type: ignore[arg-type]  # how a generator is begun
        while True:
            try:
                outputs = cast("Future[Arrays]", wait.pending).result(wait.seconds)
            except Exception as error:  # noqa: BLE001 - the walk decides what it means
                wait = walk.throw(error)
            else:
                wait = walk.send(outputs)
    except StopIteration as done:
        return cast("Answer", done.value)
    finally:
        walk.close()


def _awaitable(pending: Pending) -> asyncio.Future[Arrays]:
    return asyncio.wrap_future(pending) if isinstance(pending, Future) else pending


class Pool:
    """Twice as many threads as cores. A late call keeps its thread until it returns: only then is there room again."""

    def __init__(self, size: int | None = None) -> None:
        self._size = size or 2 * len(os.sched_getaffinity(0))
        self._threads: ThreadPoolExecutor | None = None
        self._start_afresh()
        os.register_at_fork(after_in_child=self._start_afresh)

    def submit(self, level: Level, inputs: Arrays) -> Future[Arrays] | None:
        if level.predict is None or not self._room.acquire(blocking=False):
            return None
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self._size, thread_name_prefix="prediction")
        pending = self._threads.submit(level.predict, inputs)
        room = self._room
        pending.add_done_callback(lambda _: room.release())
        return pending

    def close(self) -> None:
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    def _start_afresh(self) -> None:
        self._room = threading.Semaphore(self._size)
        self._threads = None
