"""Two clocks must agree on the tick they are in."""

from datetime import UTC, datetime

from notes import clock


def test_a_tick_has_one_name() -> None:
    assert clock.tick_of(datetime(2027, 1, 1, 12, 0, 1, tzinfo=UTC), 60) == clock.tick_of(
        datetime(2027, 1, 1, 12, 0, 59, tzinfo=UTC), 60
    )
    assert clock.until_next(120.0, 60) == 60
    assert clock.until_next(179.5, 60) == 0.5
