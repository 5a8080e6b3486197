import re

import pytest

from twelve.core.formats.router_line import sort, translate

MADE = "0f6bd2a1-4c3e-4f5a-9b1c-2d3e4f5a6b7c"


def raw(
    end="--",
    answer="-",
    dyno="web.1",
    status="200",
    *,
    slot="p0001",
    path="/x?y",
    connect=0,
    service=12,
    size=123,
    given="-",
    request=None,
):
    head = f"{slot} {dyno} {end} {answer} {connect} {service} {status} {size} 1.2.3.4 {MADE} {given}"
    agent = "-" if answer == "-" else "curl%2F8"
    return f">{head} {request or f'GET {path} HTTP/1.1'} notes.localhost {agent}\n".encode()


def read(chunk, mode="serving"):
    return [
        (slot, line)
        for slot, lines in sort(chunk).items()
        for line in translate(lines, mode).decode().removesuffix("\n").split("\n")
    ]


def test_a_normal_line_in_full():
    assert read(raw()) == [
        (
            "p0001",
            (
                f'at=info method=GET path="/x?y" host=notes.localhost request_id={MADE} fwd="1.2.3.4" '
                "dyno=web.1 connect=0ms service=12ms status=200 bytes=123 protocol=http1.1 tls=false"
            ),
        )
    ]


def test_an_error_line_in_full():
    line = raw("--", "crashed", "<NOSRV>", "503", connect=-1, service=1)
    assert read(line) == [
        (
            "p0001",
            (
                f'at=error code=H10 desc="App crashed" method=GET path="/x?y" host=notes.localhost request_id={MADE} '
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
        (
            "LR",
            "hold",  # it was still held when the client left
            "<NOSRV>",
            "503",
            "hold",
            'at=warning code=H27 desc="Client Request Interrupted" sock=client',
            "499",
        ),
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
    line = f">public <NOSRV> PR - -1 -1 400 0 1.2.3.4 {MADE} - <BADREQ> - -\n".encode()
    assert read(line) == [
        (
            "public",
            (
                'at=error code=H26 desc="Request Error" cause="bad header" method= path="" host= request_id= fwd="1.2.3.4" '
                "dyno= connect= service= status=400 bytes= protocol= tls=false"
            ),
        )
    ]


def test_lines_of_several_apps_keep_their_order():
    chunk = raw(path="/1") + raw(path="/2", slot="p0002") + raw("SH", path="/3") + raw(path="/4")
    assert [(slot, re.search(r'path="(.*?)"', line)[1]) for slot, line in read(chunk)] == [
        ("p0001", "/1"),
        ("p0001", "/3"),
        ("p0001", "/4"),
        ("p0002", "/2"),
    ]


@pytest.mark.parametrize("others", [b"", raw("SH"), raw(slot="p0002")])
def test_namesakes_have_one_name(others):
    chunk = others + raw(dyno="web.1:") + raw(dyno="web.1::")
    assert all("dyno=web.1 connect" in line for _, line in read(chunk))


@pytest.mark.parametrize("end", ["--", "SH"])
def test_odd_characters_in_a_path_are_percent_encoded(end):
    [(_, line)] = read(raw(end, path="/#22#7F"))
    assert 'path="/%22%7F"' in line


@pytest.mark.parametrize(
    ("request_line", "shown"),
    [
        ("POST http://notes.localhost/x HTTP/1.1", 'method=POST path="/x" .* protocol=http1.1 '),
        (
            "GET https://notes.localhost/x?to=http://y HTTP/2.0",
            'method=GET path="/x\\?to=http://y" .* protocol=http2.0 ',
        ),
        ("GET /http://y HTTP/1.0", 'method=GET path="/http://y" .* protocol=http1.0 '),
        ("OPTIONS * HTTP/1.1", 'method=OPTIONS path="\\*" '),
        ("GET /too-long-to-be-kept-in-ful", 'method=GET path="/too-long-to-be-kept-in-ful" .* protocol= '),
    ],
)
def test_the_request_as_the_client_put_it(request_line, shown):
    [(_, line)] = read(raw(request=request_line))
    assert re.search(shown, line)


def test_an_id_of_the_clients_own():
    [(_, line)] = read(raw(given="client-id/0123456789+="))
    assert " request_id=client-id/0123456789+= fwd=" in line


def test_what_went_by_way_of_waiting_is_told_once():
    told_behind = raw("--", "serving", "web.1") + raw(dyno="waiting") + raw(slot="waiting", dyno="waiting")
    assert len(read(told_behind)) == 1
    assert len(read(raw("--", "crashed", "<NOSRV>", "503"))) == 1
    assert read(raw(dyno="waiting")) == []
    assert read(raw("CD", "serving", "waiting")) == []  # by way of it a second time


def test_what_haproxy_says_about_itself_is_left_out():
    assert read(b"Server p0001/web.1 is UP/READY\n" + raw()) == read(raw())
    assert read(b"Server p0001/web.1 is UP/READY\n") == []
    assert read(raw() + b"Server p0001/web.1 is going DOWN -- - for maintenance.\n") == read(raw())


def test_the_lines_of_one_app_are_kept_as_they_came():
    chunk = raw() + raw("SH") + raw(path="/2")
    assert sort(chunk) == {"p0001": chunk}
    assert sort(chunk + raw(dyno="waiting")) == {"p0001": chunk}
    assert sort(chunk + raw(slot="p0002")) == {"p0001": chunk, "p0002": raw(slot="p0002")}


@pytest.mark.parametrize("odd", ["\x85", "\u2028", "\x0b", "\x1c"])
def test_a_line_stays_one_line(odd):
    assert len(read(raw(path=f"/{odd}"))) == 1


UNIT_HASH = "ac5f8408fd56172bc453a53fcd7733f8"  # of shop.1 and u1


@pytest.mark.parametrize(("dyno", "served"), [("web.10001", "b"), ("web.20003:", "c"), ("web.1", "a"), ("<NOSRV>", "")])
def test_how_a_rollouts_request_was_dealt_and_who_served_it(dyno, served):
    [(_, line)] = read(raw(dyno=dyno, given=f"-|shop.1|b|2|{UNIT_HASH}|shop.localhost"))
    assert f"host=shop.localhost request_id={MADE} " in line
    assert line.endswith(f" tls=false exp=shop.1 variant=b phase=2 bucket=4999 unit={UNIT_HASH} served={served}")


def test_a_clients_own_id_stays_what_it_was():
    [(_, line)] = read(raw(given=f"an-id-of-the-client-0|shop.1|a|1|{UNIT_HASH}|shop.localhost"))
    assert "request_id=an-id-of-the-client-0 " in line
