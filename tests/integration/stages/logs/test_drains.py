"""Senders with real receivers: every line, in order, counted when lost; nobody waits for a dead one."""

import re
import socket
import ssl
import threading
import time
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from tests.support.live import free_port, wait_for
from tests.support.receivers import http_receiver, syslog_receiver
from twelve.core.model import Drain
from twelve.stages.logs.drains.sender import Sender
from twelve.stages.logs.hub import LogHub

pytestmark = pytest.mark.integration

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TOKEN = "d.fc6b856b-3332-4546-93de-7d0ee272c3bd"
OVERFLOW = re.compile(
    rb"<172>1 \S+ \S+ heroku logplex - (?:- )?Error L10 \(output buffer overflow\): (\d+) messages dropped since (\S+)\.\n?"
)


@pytest.fixture
def hub():
    return LogHub()


@contextmanager
def sending(hub, url, patience=3.0, drain=None, **options):
    sender = Sender(Drain(drain or uuid4(), uuid4(), TOKEN, NOW, NOW, url), "notes", hub, "1.0", **options)
    sender.start()
    try:
        yield sender
    finally:
        sender.close(patience)
        assert not sender._thread.is_alive()


def say(hub, first, end, *, app="notes", step=50):
    """Lines as a process prints them: some at a time."""
    for start in range(first, end, step):
        text = b"".join(b"line %d\n" % number for number in range(start, min(start + step, end)))
        hub.publish(app, "app", "web.1", NOW + timedelta(seconds=start), text)


def lines(first, end):
    return [b"line %d" % number for number in range(first, end)]


def dropped(receiver):
    """The counts of all L10 messages that arrived."""
    return [int(match[1]) for line in receiver.lines() if (match := OVERFLOW.fullmatch(line))]


def told(receiver):
    return [text for text in receiver.texts() if text.startswith(b"line ")]


def say_slowly(hub, receiver, end, step=200):
    """Never more on its way than a buffer holds."""
    for start in range(0, end, step):
        say(hub, start, start + step)
        wait_for(lambda so_far=start + step: len(told(receiver)) >= so_far, "delivery")


def test_a_collector_gets_every_line_as_a_record_of_its_process(hub):
    url = "otlp+http://127.0.0.1:{}#x-team=s%3Decret,x-set=notes"
    with http_receiver(statuses=[503]) as receiver, sending(hub, url.format(receiver.port)):
        say(hub, 0, 100)
        hub.write("notes", "router", 'at=info path="/\udce4"')
        wait_for(lambda: len(records(receiver)) == 101, "the records")
    found = records(receiver)
    assert [text for _, _, text in found[:100]] == [f"line {number}" for number in range(100)]
    assert found[0][1] == int((NOW - EPOCH).total_seconds()) * 10**9
    of_app, of_router = found[0][0], found[100][0]
    assert of_app == {"service.name": "notes", "service.instance.id": "web.1", "log.source": "app"}
    assert of_router == {"service.name": "notes", "service.instance.id": "router", "log.source": "heroku"}
    refused, accepted, *_ = receiver.delivered
    assert refused.body == accepted.body
    assert accepted.headers[":path"] == "/v1/logs"
    assert accepted.headers["content-type"] == "application/x-protobuf"
    assert (accepted.headers["x-team"], accepted.headers["x-set"]) == ("s=ecret", "notes")


def records(receiver):
    """(attributes, nanoseconds, text) of all records that were accepted."""
    return [
        ({one.key: one.value.string_value for one in logs.resource.attributes}, record.time_unix_nano,
         record.body.string_value)
        for delivered in list(receiver.delivered)
        if delivered.status < 300
        for logs in ExportLogsServiceRequest.FromString(delivered.body).resource_logs
        for scope in logs.scope_logs
        for record in scope.log_records
    ]  # fmt: skip


def test_the_next_server_sends_what_this_one_had_no_time_for(tmp_path):
    before, drain = LogHub(directory=tmp_path), uuid4()
    with http_receiver() as receiver:
        url = f"http://127.0.0.1:{receiver.port}/"
        with sending(before, url, drain=drain):
            say(before, 0, 100)
            wait_for(lambda: len(told(receiver)) == 100, "the first lines")
        say(before, 100, 200)  # read, and given to nobody
        after = LogHub(directory=tmp_path)
        with sending(after, url, drain=drain):
            say(after, 200, 300)
            wait_for(lambda: len(told(receiver)) >= 300, "the other lines")
        assert told(receiver) == lines(0, 300)


def test_https_frames_carry_every_line_in_order_with_their_headers(hub):
    with http_receiver() as receiver, sending(hub, f"http://us%40er:secret@127.0.0.1:{receiver.port}/in?k=v"):
        say_slowly(hub, receiver, 2000)
        assert told(receiver) == lines(0, 2000)
        assert receiver.lines()[0] == b"<190>1 2026-11-22T12:00:00.000000+00:00 host app web.1 - line 0"
        for one in receiver.delivered:
            assert one.headers[":path"] == "/in?k=v"
            assert one.headers["content-type"] == "application/logplex-1"
            assert one.headers["user-agent"] == "Logplex/v1 twelve/1.0"
            assert one.headers["logplex-drain-token"] == TOKEN
            assert one.headers["authorization"] == "Basic dXNAZXI6c2VjcmV0"
            assert one.headers["host"] == f"127.0.0.1:{receiver.port}"
            assert int(one.headers["logplex-msg-count"]) == len(one.frames)
            assert re.fullmatch("[0-9a-f]{32}", one.headers["logplex-frame-id"])
        assert len({one.headers["logplex-frame-id"] for one in receiver.delivered}) == len(receiver.delivered)
        assert receiver.connections == 1
    assert not dropped(receiver)


def test_a_frame_that_meets_a_failing_receiver_comes_again_under_its_id(hub):
    with http_receiver([500, 503]) as receiver, sending(hub, f"http://127.0.0.1:{receiver.port}/"):
        say(hub, 0, 3)
        wait_for(lambda: len(receiver.delivered) == 3, "three tries")
        assert [one.status for one in receiver.delivered] == [500, 503, 204]
        assert len({one.headers["logplex-frame-id"] for one in receiver.delivered}) == 1
        assert len({one.body for one in receiver.delivered}) == 1
    assert not dropped(receiver)


def test_a_frame_is_lost_after_three_tries_and_the_next_one_says_so(hub):
    with http_receiver([500] * 3) as receiver, sending(hub, f"http://127.0.0.1:{receiver.port}/"):
        say(hub, 0, 3)
        wait_for(lambda: len(receiver.delivered) == 3, "three tries")
        say(hub, 3, 5)
        wait_for(lambda: len(receiver.delivered) == 4, "the next frame")
        last = receiver.delivered[3]
        assert OVERFLOW.fullmatch(last.frames[0])[2] == b"2026-11-22T12:00:00+00:00"
        assert last.headers["logplex-msg-count"] == "3"
        assert dropped(receiver) == [3]
        assert told(receiver) == lines(3, 5)


def test_a_refused_frame_is_dropped_at_once(hub):
    with http_receiver([401, 429]) as receiver, sending(hub, f"http://127.0.0.1:{receiver.port}/"):
        say(hub, 0, 1)
        wait_for(lambda: len(receiver.delivered) == 1, "the refusal")
        say(hub, 1, 2)
        wait_for(lambda: told(receiver), "the next line")
        assert [one.status for one in receiver.delivered] == [401, 429, 204]
        assert told(receiver) == lines(1, 2)
        assert dropped(receiver) == [1]


def test_a_dead_receiver_slows_nobody_and_learns_how_much_it_missed(hub):
    port = free_port()
    with (
        http_receiver() as other,
        sending(hub, f"http://127.0.0.1:{other.port}/"),
        sending(hub, f"http://127.0.0.1:{port}/"),
    ):
        before = time.monotonic()
        say(hub, 0, 50_000, step=10)
        assert time.monotonic() - before < 2
        wait_for(lambda: told(other) and told(other)[-1] == b"line 49999", "the other drain")
        with http_receiver(port=port) as receiver:
            wait_for(lambda: told(receiver) and told(receiver)[-1] == b"line 49999", "the newest lines")
            assert told(receiver) == lines(50_000 - 1024, 50_000)
            assert dropped(receiver) == [50_000 - 1024]
            assert OVERFLOW.fullmatch(receiver.lines()[0])
    assert sum(dropped(other)) + len(told(other)) == 50_000


def test_a_receiver_that_never_answers_costs_no_more_than_its_own_lines(hub, monkeypatch):
    monkeypatch.setattr("twelve.core.policy.drain.REQUEST_TIMEOUT", 0.2)
    with http_receiver() as receiver:
        receiver.hold.clear()
        with sending(hub, f"http://127.0.0.1:{receiver.port}/"):
            say(hub, 0, 10)
            wait_for(lambda: receiver.connections == 3, "three tries")
            say(hub, 10, 11)
            wait_for(lambda: receiver.connections == 4, "the next frame")
            say(hub, 11, 5000)
            receiver.hold.set()
            wait_for(lambda: told(receiver) and told(receiver)[-1] == b"line 4999", "the newest lines")
    tries = Counter(one.headers["logplex-frame-id"] for one in receiver.delivered)
    frames = {one.headers["logplex-frame-id"]: one.frames for one in receiver.delivered}  # as receivers deduplicate
    first = next(id_ for id_, frame in frames.items() if frame[0].endswith(b" - line 0"))
    assert tries[first] == 3
    assert len(frames[first]) == 10
    at_the_release = [id_ for id_ in frames if id_ != first and tries[id_] == 3]  # lost, or taken in the last moment
    assert 5000 in {accounted(frames, {first, *lost}) for lost in ([], at_the_release)}


def accounted(frames, lost):
    """Lines that arrived, and those that were announced as dropped."""
    taken = [line for id_, frame in frames.items() if id_ not in lost for line in frame]
    announced = [int(match[1]) for line in taken if (match := OVERFLOW.fullmatch(line))]
    return sum(announced) + sum(b" - line " in line for line in taken)


@pytest.mark.parametrize("encrypted", [False, True])
def test_syslog_carries_every_line_in_order(hub, encrypted, certificate):
    server, client = certificate if encrypted else (None, None)
    scheme = "syslog+tls" if encrypted else "syslog"
    with syslog_receiver(server) as receiver, sending(hub, f"{scheme}://localhost:{receiver.port}", context=client):
        say_slowly(hub, receiver, 2000)
        assert told(receiver) == lines(0, 2000)
        assert receiver.lines()[0] == f"<190>1 2026-11-22T12:00:00.000000+00:00 {TOKEN} app web.1 - - line 0\n".encode()
        assert len(receiver.streams) == 1


def test_syslog_connects_again(hub):
    port = free_port()
    with sending(hub, f"syslog://127.0.0.1:{port}"):
        for start in (0, 10):
            with syslog_receiver(port=port) as receiver:
                say(hub, start, start + 10)
                wait_for(lambda at=receiver: len(told(at)) == 10, "the lines of this connection")
                assert told(receiver) == lines(start, start + 10)


def test_a_stalled_syslog_receiver_gets_the_count_of_what_did_not_fit(hub):
    with syslog_receiver() as receiver:
        receiver.reading.clear()
        with sending(hub, f"syslog://127.0.0.1:{receiver.port}"):
            before = time.monotonic()
            for number in range(60_000):  # more than sockets hold
                hub.publish("notes", "app", "web.1", NOW, b"line %d %s\n" % (number, b"x" * 500))
            assert time.monotonic() - before < 10
            receiver.reading.set()
            wait_for(lambda: told(receiver) and told(receiver)[-1].startswith(b"line 59999 "), "the newest line")
            numbers = [int(text.split()[1]) for text in told(receiver)]
            assert numbers == sorted(set(numbers))
            assert dropped(receiver)
            assert sum(dropped(receiver)) + len(numbers) == 60_000


def test_an_untrusted_certificate_is_told_once_and_nothing_is_sent(hub, certificate):
    server, _ = certificate
    with syslog_receiver(server) as receiver, sending(hub, f"syslog+tls://user:secret@localhost:{receiver.port}/"):
        say(hub, 0, 1)
        wait_for(lambda: any("L14" in line.text for line in hub.history("notes", 100)), "L14")
        say(hub, 1, 2)
        time.sleep(0.3)
        found = [line for line in hub.history("notes", 100) if "L14" in line.text]
        assert [(line.source, line.process) for line in found] == [("heroku", "logplex")]
        assert re.fullmatch(
            r'Error L14 \(certificate validation\): error=".+" uri="syslog\+tls://localhost:\d+/"', found[0].text
        )
        assert not receiver.streams


def test_a_link_local_address_is_refused(hub):
    with sending(hub, "http://169.254.169.254/latest"):
        say(hub, 0, 1)
        wait_for(lambda: any("link-local" in line.text for line in hub.history("notes", 100)), "the refusal")


def test_closing_delivers_what_is_left_and_then_nothing(hub):
    with http_receiver() as receiver:
        with sending(hub, f"http://127.0.0.1:{receiver.port}/"):
            say(hub, 0, 500)
        assert told(receiver) == lines(0, 500)
        say(hub, 500, 510)
        time.sleep(0.2)
        assert told(receiver) == lines(0, 500)


@pytest.mark.parametrize("kind", ["http", "syslog"])
def test_closing_does_not_wait_for_a_receiver_that_hangs(hub, kind):
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        before = time.monotonic()
        with sending(hub, f"{kind}://127.0.0.1:{deaf.getsockname()[1]}/", patience=0.2):
            for _ in range(20):
                hub.publish("notes", "app", "web.1", NOW, b"x" * 9000 + b"\n")
            held, _ = deaf.accept()
        held.close()
        assert time.monotonic() - before < 2


def test_closing_does_not_wait_for_a_receiver_that_is_not_there(hub):
    before = time.monotonic()
    with sending(hub, f"syslog://127.0.0.1:{free_port()}"):
        say(hub, 0, 10)
    assert time.monotonic() - before < 2


def test_no_thread_is_left_behind(hub):
    before = threading.active_count()
    with http_receiver() as receiver, sending(hub, f"http://127.0.0.1:{receiver.port}/"):
        say(hub, 0, 10)
        wait_for(lambda: told(receiver), "delivery")
    wait_for(lambda: threading.active_count() <= before, "the end of all threads")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A server's context with a certificate for localhost, and a client's that trusts it."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(file)
    client = ssl.create_default_context()
    client.load_verify_locations(cadata=made.public_bytes(serialization.Encoding.PEM).decode())
    return server, client
