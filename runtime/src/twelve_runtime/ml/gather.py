"""Rows of requests that come at the same time go to the model as one call, where MODEL_BATCH asks for it.

Nobody waits for company: what the event loop has at hand in one turn goes together. A scikit-learn pipeline needs as
long for 32 rows as for one; an ONNX session does not, and gains nothing.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np

from twelve_runtime.ml.chain import Pending
from twelve_runtime.ml.errors import Saturated
from twelve_runtime.ml.model import Level
from twelve_runtime.ml.running import Pool
from twelve_runtime.ml.tensors import Arrays


@dataclass(slots=True)
class _Asked:
    inputs: Arrays
    rows: int
    answer: asyncio.Future[Arrays]


class Gatherer:
    """`limit`: rows of one call."""

    def __init__(self, pool: Pool, limit: int) -> None:
        self._pool, self._limit = pool, limit
        self._waiting: dict[str, list[_Asked]] = {}

    def submit(self, level: Level, inputs: Arrays) -> Pending | None:
        if not level.gathered:
            return self._pool.submit(level, inputs)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return self._alone(level, inputs)
        asked = _Asked(inputs, len(next(iter(inputs.values()))), loop.create_future())
        waiting = self._waiting.setdefault(level.version, [])
        waiting.append(asked)
        if len(waiting) == 1:
            loop.call_soon(self._together, level)
        return asked.answer

    def _alone(self, level: Level, inputs: Arrays) -> Pending | None:
        if not level.quick or level.predict is None:
            return self._pool.submit(level, inputs)
        done: Future[Arrays] = Future()
        _settle(done, level, inputs)
        return done

    def _together(self, level: Level) -> None:
        waiting = self._waiting.pop(level.version, [])
        batch: list[_Asked] = []
        for asked in waiting:
            if batch and sum(one.rows for one in batch) + asked.rows > self._limit:
                self._run(level, batch)
                batch = []
            batch.append(asked)
        self._run(level, batch)

    def _run(self, level: Level, batch: Sequence[_Asked]) -> None:
        """One row that the model cannot take must not cost the others their answer: then each is asked alone."""
        merged = _merged(batch)
        if level.quick and level.predict:
            try:
                _hand_out(batch, level.predict(merged))
            except Exception:  # noqa: BLE001 - whatever the model's code raises; each is told its own below
                for one in batch:
                    _settle(one.answer, level, one.inputs)
        elif pending := self._pool.submit(level, merged):
            loop = asyncio.get_running_loop()
            pending.add_done_callback(lambda done: loop.call_soon_threadsafe(_finish, batch, done))
        else:
            _refuse(batch, Saturated())


def _merged(batch: Sequence[_Asked]) -> Arrays:
    if len(batch) == 1:
        return batch[0].inputs
    return {name: np.concatenate([one.inputs[name] for one in batch]) for name in batch[0].inputs}


def _hand_out(batch: Sequence[_Asked], outputs: Arrays) -> None:
    if any(len(array) != sum(one.rows for one in batch) for array in outputs.values()):
        raise ValueError("the model gave another number of rows than it was asked for")
    begin = 0
    for one in batch:
        end = begin + one.rows
        if not one.answer.done():
            one.answer.set_result({name: array[begin:end] for name, array in outputs.items()})
        begin = end


def _finish(batch: Sequence[_Asked], done: Future[Arrays]) -> None:
    try:
        _hand_out(batch, done.result())
    except Exception as error:  # noqa: BLE001 - the walk decides what it means
        _refuse(batch, error)


def _refuse(batch: Sequence[_Asked], error: Exception) -> None:
    for one in batch:
        if not one.answer.done():
            one.answer.set_exception(error)


def _settle(future: Pending, level: Level, inputs: Arrays) -> None:
    if future.done():
        return
    assert level.predict
    try:
        future.set_result(level.predict(inputs))
    except Exception as error:  # noqa: BLE001 - the walk decides what it means
        future.set_exception(error)
