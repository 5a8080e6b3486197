"""Raw router lines as the front door prints them, read for their times."""

import pytest

from twelve.core.formats.router_line import timings, unserved

ID = "33791859-d891-4b23-a5af-101891044438"


def raw(service="12", status="200", dyno="web.1", answer="-", path="/"):
    return f">p0000 {dyno} -- {answer} 0 {service} {status} 123 127.0.0.1 {ID} - GET {path} HTTP/1.1 a.localhost -\n".encode()


def test_few_lines_are_all_read():
    lines = raw("3") + raw("40", dyno="web.2:") + raw("0")
    assert timings(lines, 8) == (3, [(b"web.1", 3), (b"web.2:", 40), (b"web.1", 0)])


@pytest.mark.parametrize("start", [0.0, 0.5, 0.999])
def test_of_many_lines_as_many_are_read_as_wanted_and_all_are_counted(start):
    chunk = b"".join(raw(str(n), path="/" + "x" * (n % 90)) for n in range(500))
    count, found = timings(chunk, 8, start)
    times = [time for _, time in found]
    assert count == 500
    assert 7 <= len(times) <= 8  # the last stretch may begin in the last line
    assert times == sorted(set(times))
    assert times[-1] - times[0] > 350  # spread over all of the chunk


@pytest.mark.parametrize(
    "line",
    [
        raw("-1", "503", "<NOSRV>", "crashed"),  # a page
        raw("9000", "101"),  # a WebSocket: how long it was open
        raw("-1", "-1"),  # the client left first
        b">p0000 <BADREQ>\n",
        b"no line of ours\n",
    ],
)
def test_what_no_process_answered_has_no_time(line):
    assert timings(line, 8) == (1, [])


def test_pages_are_counted_by_their_status():
    lines = raw() + raw("-1", "503", "<NOSRV>", "crashed") * 2 + raw("-1", "421", "<NOSRV>", "unknown")
    assert unserved(lines) == {"5xx": 2, "4xx": 1}
    assert unserved(raw("-1", "503", "<NOSRV>", "hold")) == {"none": 1}  # the client did not wait for it
    assert unserved(raw(path="/<NOSRV>") * 3) == {}


def test_errors_of_the_app_s_own_slot_are_haproxy_s_to_count():
    assert unserved(raw("-1", "503", "<NOSRV>", "-")) == {}
