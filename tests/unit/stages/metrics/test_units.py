"""The room's queue, its minute and its batches, without a database."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import uuid4

from twelve.core.model import Rollout, RolloutStatus, Unit, Variant
from twelve.core.policy import assign
from twelve.core.policy.readout.plan import Plan
from twelve.core.policy.readout.tripwire import Tally
from twelve.stages.metrics.units import batch
from twelve.stages.metrics.units.batch import Reader
from twelve.stages.metrics.units.intake import Intake, Piece
from twelve.stages.metrics.units.minute import Minute

NOW = datetime(2026, 1, 31, 10, tzinfo=UTC)
ROLLOUT = Rollout(
    uuid4(), uuid4(), "ranker", 1, Unit("header:x-user-id"), (Variant("a", 1), Variant("b", 2, ((0, 4999),))),
    7, 1, RolloutStatus.RUNNING, NOW,
)  # fmt: skip


def chunk(raw, source="app", mode=None, first=0):
    count = raw.count(b"\n")
    return SimpleNamespace(stamp=NOW, source=source, mode=mode, raw=raw, count=count, end=first + count)


def line(unit, variant="a", salt="ranker.1", status=200, milliseconds=5):
    told = f"-|{salt}|{variant}|1|{assign.unit_hash(salt, unit)}|h"
    return f">p0000 web.1 -- - 0 {milliseconds} {status} 1 ::1 made {told} GET / HTTP/1.1 h -\n".encode()


def test_only_what_can_matter_is_queued():
    intake = Intake()
    intake.feed(chunk(b"hello\n"))
    intake.feed(chunk(b"anything\n", "heroku"))
    intake.feed(chunk(b'{"event":"outcome"}\n'))
    intake.feed(chunk(b">p0000\n", "heroku", "serving"))
    assert [piece.routed for piece in intake.take().pieces] == [False, True]
    assert not intake.take().pieces


def test_the_queue_is_bounded_and_says_what_it_dropped():
    intake = Intake(most_bytes=100)
    for _ in range(30):
        intake.feed(chunk(b"123456789\n", "heroku", "serving"))
    assert intake.dropped == 20
    assert len(intake.take(50).pieces) == 5
    intake.feed(chunk(b"123456789\n", "heroku", "serving"))
    assert len(intake.take().pieces) == 6
    assert intake.dropped == 20


def test_it_knows_how_far_it_got():
    """Where the next server goes on: behind what was taken, and behind what nobody needs."""
    intake = Intake()
    intake.feed(chunk(b">a\n>b\n", "heroku", "serving", first=10))
    intake.feed(chunk(b">c\n", "heroku", "serving", first=12))
    intake.feed(chunk(b"hello\n", first=13))
    assert intake.take(1).reached == 12
    assert intake.take().reached == 14
    intake.feed(chunk(b">d\n>e\n>f\n", "heroku", "serving", first=14), 2)
    assert [piece.lines for piece in intake.take().pieces] == [b">f\n"]
    intake.missed(5, NOW)
    assert intake.dropped == 5


def test_a_minute_forgets():
    minute = Minute()
    for second in range(100):
        minute.add("b", second + 0.5, Tally(2, 1))
    assert minute.read("b", 99.9) == Tally(120, 60)
    minute.add("b", 98.2, Tally(5, 0))  # a chunk that is a little older than the last one
    assert minute.read("b", 99.9) == Tally(125, 60)
    assert minute.read("b", 130) == Tally(63, 29)
    assert minute.read("b", 1000) == Tally()
    assert minute.read("never", 99.9) == Tally()


def test_a_batch_counts_each_request_and_exposes_each_unit_once():
    reader = Reader(ROLLOUT, Plan())
    reader.add(
        Piece(NOW, line("u1") + line("u1", status=500) + line("u2", "b") + line("x", salt="other.1"), routed=True)
    )
    made = reader.cut(NOW)
    assert len(made.exposures) == 2
    assert made.traffic[1, "a"] == batch.Traffic(2, 1, 0)
    assert made.traffic[1, "b"] == batch.Traffic(1, 0, 1)  # web.1 is the control's
    assert made.sums[1, assign.unit_hash("ranker.1", "u1"), "errors"].sum == 1
    assert not reader.cut(NOW)
    reader.add(Piece(NOW, line("u1"), routed=True))
    again = reader.cut(NOW)
    assert not again.exposures
    assert again.traffic[1, "a"].requests == 1


def test_units_whose_window_has_closed_cost_no_row():
    reader = Reader(ROLLOUT, Plan())
    reader.add(Piece(NOW, line("u1"), routed=True))
    reader.cut(NOW)
    reader.add(Piece(NOW + timedelta(seconds=61), line("u1"), routed=True))
    assert not reader.cut(NOW).sums


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(batch, "REMEMBERED", 100)
    kept = batch.OrderedDict()
    for number in range(1000):
        batch.remember(kept, number, None, batch.REMEMBERED)
    assert len(kept) == 100
    assert 999 in kept


def test_a_prediction_waits_for_the_line_of_its_request():
    reader = Reader(ROLLOUT, Plan(settle=5))
    unit = assign.unit_hash("ranker.1", "u1")
    told = f'{{"event":"prediction","experiment":"ranker.1","phase":1,"unit_hash":"{unit}","fallback":2}}\n'
    reader.add(Piece(NOW, told.encode(), routed=False))
    assert not reader.cut(NOW + timedelta(seconds=4)).sums
    assert reader.cut(NOW + timedelta(seconds=6)).sums[1, unit, "fallback"].sum == 1
    reader.add(Piece(NOW, told.encode(), routed=False))
    assert reader.cut(NOW, all_of_it=True).sums
