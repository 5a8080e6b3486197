from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twelve.core.formats import log_line
from twelve.core.model import LogLine

MOMENT = datetime(2026, 6, 9, 16, 13, 36, 866084, tzinfo=UTC)


def test_the_exact_form():
    text = log_line.format(LogLine(MOMENT, "heroku", "web.1", "Restarting"))
    assert text == "2026-06-09T16:13:36.866084+00:00 heroku[web.1]: Restarting"


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (MOMENT.replace(microsecond=0), "2026-06-09T16:13:36.000000+00:00"),  # always six decimals
        (MOMENT.astimezone(timezone(timedelta(hours=2))), "2026-06-09T16:13:36.866084+00:00"),  # always UTC
    ],
)
def test_stamps(moment, text):
    assert log_line.stamp(moment) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "2026-06-09T16:13:36.866084+00:00 heroku[web.1] Restarting",  # no colon
        "2026-06-09T16:13:36+00:00 heroku[web.1]: Restarting",  # no decimals
        "2026-13-09T16:13:36.866084+00:00 heroku[web.1]: x",  # no month
    ],
)
def test_what_is_no_log_line(text):
    assert log_line.parse(text) is None


@settings(max_examples=200, deadline=None)
@given(
    moment=st.datetimes(min_value=datetime(1000, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis adds the zone
    source=st.sampled_from(["app", "heroku"]),
    process=st.sampled_from(["web.1", "router", "api", "my-worker_2.12"]),
    text=st.text(max_size=40),
)
def test_parse_reads_what_format_wrote(moment, source, process, text):
    line = LogLine(moment, source, process, text)
    assert log_line.parse(log_line.format(line)) == line
