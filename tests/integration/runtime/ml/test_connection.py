"""Clients that speak no HTTP, or not to the end of a sentence, beside one that does."""

import json
import socket
import threading
import time

import pytest
import uvicorn
import uvloop
from twelve_runtime.ml.connection import LARGEST_HEAD, Connection

pytestmark = pytest.mark.integration

HEAD = b"POST /x HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n"


class Impatient(Connection):
    patience = 0.3


@pytest.fixture(scope="module")
def port():
    async def echo(_, receive, send):
        message = await receive()
        body = message["body"]
        while message.get("more_body"):
            message = await receive()
            body += message.get("body", b"")
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body})

    config = uvicorn.Config(echo, http=Impatient, ws="none", lifespan="off", log_config=None, date_header=False)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=lambda: uvloop.run(server.serve(sockets=[listener])))
        thread.start()
        yield listener.getsockname()[1]
        server.should_exit = True
        thread.join(10)


def said(port, *pieces, wait=0.0):
    """All that is answered until the connection closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        for piece in pieces:
            client.sendall(piece)
            time.sleep(wait)
        found = b""
        try:
            while more := client.recv(65536):
                found += more
        except ConnectionResetError:  # it was told, and went on talking
            pass
        return found


def refused(answer):
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"connection: close" in head
    return int(head.split()[1]), json.loads(body)["error"]


def test_head_and_body_are_one_write_and_pipelined_answers_come_in_order(port):
    requests = [HEAD + b"\r\n%d   " % number for number in range(3)]
    last = HEAD + b"connection: close\r\n\r\nlast"
    found = said(port, b"".join([*requests, last]))
    assert [part[:4] for part in found.split(b"\r\n\r\n")[1:]] == [b"0   ", b"1   ", b"2   ", b"last"]


def test_a_request_in_pieces_is_waited_for(port):
    close = HEAD.replace(b"host", b"connection: close\r\nhost")
    assert said(port, close[:20], close[20:], b"\r\nab", b"cd", wait=0.02).endswith(b"\r\n\r\nabcd")


@pytest.mark.parametrize("pieces", [HEAD, HEAD + b"\r\nab"])
def test_what_does_not_come_in_time_is_refused(port, pieces):
    status, sentence = refused(said(port, pieces))
    assert (status, "0.3 seconds" in sentence) == (408, True)


def test_an_answer_before_the_deadline_ends_the_waiting(port):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        for _ in range(2):  # the second one well after the first one's time
            client.sendall(HEAD)
            client.sendall(b"\r\nabcd")
            assert client.recv(1000).endswith(b"abcd")
            time.sleep(0.4)


@pytest.mark.parametrize("start", [b"GET / HTTP/1.1\r\na: ", b"GET /"])
def test_a_head_without_end_is_refused(port, start):
    assert refused(said(port, start + b"x" * (LARGEST_HEAD + 1)))[0] == 431


def test_what_is_no_http_is_refused_in_json(port):
    assert refused(said(port, b"\x16\x03\x01\x02\x00\x01")) == (400, "Invalid HTTP request received.")
