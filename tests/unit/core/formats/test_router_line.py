import re

import pytest

from twelve.core.formats.router_line import translate

APPS = {"p0001": "notes", "p0002": "shop"}


def raw(
    end="--", answer="-", dyno="web.1", status="200", *, slot="p0001", path="/x?y", connect=0, service=12, size=123
):
    tail = f"connect={connect}\x01service={service}\x01status={status} bytes={size} protocol=\x02HTTP/1.1 tls=false"
    head = f'method=GET path="{path}" host=notes.localhost request_id=ID fwd="1.2.3.4"'
    agent = "" if answer == "-" else " agent=curl%2F8"
    return f">{slot} {end} {answer} at=info {head} dyno={dyno} {tail}{agent}\n".encode()


def read(chunk, mode="serving"):
    found = translate(chunk, lambda slot: APPS.get(slot, ""), lambda app: mode)
    return [(app, line) for app, text in found for line in text.decode().splitlines()]


def test_a_normal_line_in_full():
    assert read(raw()) == [
        (
            "notes",
            (
                'at=info method=GET path="/x?y" host=notes.localhost request_id=ID fwd="1.2.3.4" '
                "dyno=web.1 connect=0ms service=12ms status=200 bytes=123 protocol=http1.1 tls=false"
            ),
        )
    ]


def test_an_error_line_in_full():
    line = raw("--", "crashed", "<NOSRV>", "503", connect=-1, service=1)
    assert read(line) == [
        (
            "notes",
            (
                'at=error code=H10 desc="App crashed" method=GET path="/x?y" host=notes.localhost request_id=ID '
                'fwd="1.2.3.4" dyno= connect= service= status=503 bytes= protocol=http1.1 tls=false'
            ),
        )
    ]


@pytest.mark.parametrize(
    ("end", "answer", "dyno", "status", "mode", "what", "told"),
    [
        # nothing could take it: the app's mode decides, whatever HAProxy says
        ("LR", "crashed", "<NOSRV>", "503", "crashed", 'at=error code=H10 desc="App crashed"', "503"),
        ("LR", "none", "<NOSRV>", "503", "none", 'at=error code=H14 desc="No web processes running"', "503"),
        ("LR", "timeout", "<NOSRV>", "503", "hold", 'at=error code=H20 desc="App boot timeout"', "503"),
        ("LR", "maintenance", "<NOSRV>", "503", "maintenance", 'at=info code=H80 desc="Maintenance mode"', "503"),
        ("LR", "blank", "<NOSRV>", "503", "blank", 'at=info code=H81 desc="Blank app"', "503"),
        ("LR", "unknown", "<NOSRV>", "421", "", 'at=error code=H31 desc="Misdirected Request" agent="curl%2F8"', "421"),
        ("LR", "lost", "<NOSRV>", "503", "", 'at=error code=H99 desc="Platform error"', "503"),
        ("SC", "-", "<NOSRV>", "503", "crashed", 'at=error code=H10 desc="App crashed"', "503"),
        ("SC", "-", "<NOSRV>", "503", "none", 'at=error code=H14 desc="No web processes running"', "503"),
        ("SC", "-", "<NOSRV>", "503", "hold", 'at=error code=H20 desc="App boot timeout"', "503"),
        ("sQ", "-", "<NOSRV>", "503", "hold", 'at=error code=H20 desc="App boot timeout"', "503"),
        ("sQ", "-", "<NOSRV>", "503", "serving", 'at=error code=H11 desc="Backlog too deep"', "503"),
        # a process took it, or should have
        ("sH", "-", "web.1", "504", "serving", 'at=error code=H12 desc="Request timeout"', "503"),
        ("SH", "-", "web.1", "502", "serving", 'at=error code=H13 desc="Connection closed without response"', "503"),
        ("sD", "-", "web.1", "200", "serving", 'at=error code=H15 desc="Idle connection"', "200"),
        ("PH", "-", "web.1", "502", "serving", 'at=error code=H17 desc="Poorly formatted HTTP response"', "503"),
        (
            "SD",
            "-",
            "web.1",
            "200",
            "serving",
            'at=error code=H18 desc="Server Request Interrupted" sock=backend',
            "200",
        ),
        ("sC", "-", "web.1", "503", "serving", 'at=error code=H19 desc="Backend connection timeout"', "503"),
        ("SC", "-", "web.1", "503", "serving", 'at=error code=H21 desc="Backend connection refused"', "503"),
        (
            "CH",
            "-",
            "web.1",
            "400",
            "serving",
            'at=warning code=H27 desc="Client Request Interrupted" sock=client',
            "499",
        ),
        (
            "CC",
            "-",
            "web.1",
            "503",
            "serving",
            'at=warning code=H27 desc="Client Request Interrupted" sock=client',
            "499",
        ),
        (
            "CD",
            "-",
            "web.1",
            "200",
            "serving",
            'at=warning code=H27 desc="Client Request Interrupted" sock=client',
            "499",
        ),
        ("cD", "-", "web.1", "200", "serving", 'at=warning code=H28 desc="Client Connection Idle"', "499"),
        ("KD", "-", "web.1", "200", "serving", 'at=error code=H24 desc="Forced close"', ""),
        ("zz", "-", "web.1", "503", "serving", 'at=error code=H99 desc="Platform error"', "503"),
        # an app's own errors are its own business, and a closed WebSocket is none at all
        ("--", "-", "web.1", "500", "serving", "at=info", "500"),
        ("SD", "-", "web.1", "101", "serving", "at=info", "101"),
        ("CD", "-", "web.1", "101", "serving", "at=info", "101"),
        ("sD", "-", "web.1", "101", "serving", 'at=error code=H15 desc="Idle connection"', "101"),
        # held, then served
        ("--", "serving", "web.1", "200", "serving", "at=info", "200"),
    ],
)
def test_codes(end, answer, dyno, status, mode, what, told):
    [(_, line)] = read(raw(end, answer, dyno, status), mode)
    assert line.startswith(f"{what} method=GET ")
    assert re.search(r"status=(\d*) ", line)[1] == told


def test_a_bad_request_belongs_to_no_app():
    line = (
        b'>public PR - at=info method=<BADREQ> path="<BADREQ>" host=- request_id=- fwd="1.2.3.4" dyno=<NOSRV> '
        b"connect=-1\x01service=-1\x01status=400 bytes=0 protocol=\x02<BADREQ> tls=false\n"
    )
    assert read(line) == [
        (
            "",
            (
                'at=error code=H26 desc="Request Error" cause="bad header" method= path="" host= request_id= fwd="1.2.3.4" '
                "dyno= connect= service= status=400 bytes= protocol= tls=false"
            ),
        )
    ]


def test_lines_of_several_apps_keep_their_order():
    chunk = raw(path="/1") + raw(path="/2", slot="p0002") + raw("SH", path="/3") + raw(path="/4")
    assert [(app, re.search(r'path="(.*?)"', line)[1]) for app, line in read(chunk)] == [
        ("notes", "/1"),
        ("notes", "/3"),
        ("notes", "/4"),
        ("shop", "/2"),
    ]


@pytest.mark.parametrize("others", [b"", raw("SH"), raw(slot="p0002")])
def test_namesakes_have_one_name(others):
    chunk = others + raw(dyno="web.1:") + raw(dyno="web.1::")
    assert all("dyno=web.1 connect" in line for _, line in read(chunk))


@pytest.mark.parametrize("end", ["--", "SH"])
def test_odd_characters_in_a_path_are_percent_encoded(end):
    [(_, line)] = read(raw(end, path="/#22#7F"))
    assert 'path="/%22%7F"' in line


def test_what_went_by_way_of_waiting_is_told_once():
    told_behind = raw("--", "serving", "web.1") + raw(dyno="waiting") + raw(slot="waiting", dyno="waiting")
    assert len(read(told_behind)) == 1
    assert len(read(raw("--", "crashed", "<NOSRV>", "503"))) == 1
    assert read(raw(dyno="waiting")) == []


def test_what_haproxy_says_about_itself_is_left_out():
    assert read(b"Server p0001/web.1 is UP/READY\n" + raw()) == read(raw())
    assert read(b"Server p0001/web.1 is UP/READY\n") == []
    assert read(raw() + b"Server p0001/web.1 is going DOWN -- - for maintenance.\n") == read(raw())
