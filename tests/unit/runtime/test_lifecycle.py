"""A process that is told to stop wakes up, finishes and ends with its own exit code."""

import asyncio
import signal
import subprocess
import sys
import threading
import time

import pytest
from twelve_runtime import Lifecycle

PROGRAM = """
import sys, threading
from twelve_runtime import Lifecycle

lifecycle = Lifecycle()
slept = []
other = threading.Thread(target=lambda: slept.append(lifecycle.sleep(60)))
other.start()
print("ready", flush=True)
slept.append(lifecycle.sleep(60))
other.join()
print(slept, lifecycle.stopping)
sys.exit(7)
"""


@pytest.mark.parametrize("signals", [[signal.SIGTERM] * 2, [signal.SIGINT], [signal.SIGINT, signal.SIGTERM]])
def test_a_signal_wakes_every_sleeper_and_the_process_ends_by_itself(signals):
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        began = time.monotonic()
        for number in signals:
            process.send_signal(number)
        output, _ = process.communicate(timeout=20)
    assert process.returncode == 7
    assert output == "[False, False] True\n"
    assert time.monotonic() - began < 15


def test_sleep_lasts_when_nobody_asks_to_stop():
    program = "from twelve_runtime import Lifecycle; print(Lifecycle().sleep(0.05), Lifecycle().stopping)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "True False\n"


def test_what_was_opened_closes_in_reverse_order_and_one_failure_stops_none(caplog):
    lifecycle, order = Lifecycle(signals=False), []
    lifecycle.on_close("first", lambda: order.append("first"))
    lifecycle.on_close("second", lambda: (_ for _ in ()).throw(OSError("postgres://u:hunter2@h")))
    lifecycle.on_close("third", lambda: order.append("third"))
    lifecycle.close()
    lifecycle.close()
    assert order == ["third", "first"]
    assert "closing second failed: OSError" in caplog.text
    assert "hunter2" not in caplog.text


def test_closing_waits_for_what_is_in_hand():
    lifecycle, order = Lifecycle(signals=False), []
    began = threading.Event()

    def work():
        with lifecycle.busy():
            began.set()
            lifecycle.sleep(60)
            order.append("worked")

    lifecycle.on_close("pool", lambda: order.append("closed"))
    other = threading.Thread(target=work)
    other.start()
    began.wait()
    lifecycle.close()
    other.join()
    assert order == ["worked", "closed"]


def test_work_that_does_not_end_is_told_and_left(caplog):
    lifecycle, closed = Lifecycle(grace=0.3, signals=False), []
    lifecycle.on_close("pool", lambda: closed.append(True))
    with lifecycle.busy():
        lifecycle.close()
    assert closed
    assert "1 of what was in hand did not end within 0.24 s" in caplog.text


def test_in_a_loop_of_asyncio_resources_are_awaited():
    order = []

    async def drain():
        order.append("drained")

    async def use():
        async with Lifecycle(signals=False) as lifecycle:
            lifecycle.on_close("pool", lambda: order.append("closed"))
            lifecycle.on_close("broker", drain)
            assert await lifecycle.asleep(0.01)
            lifecycle.stop()
            assert not await lifecycle.asleep(60)

    asyncio.run(use())
    assert order == ["drained", "closed"]


def test_elsewhere_than_in_the_main_thread_it_says_what_to_do():
    caught = []

    def make():
        try:
            Lifecycle()
        except RuntimeError as error:
            caught.append(str(error))

    other = threading.Thread(target=make)
    other.start()
    other.join()
    assert caught == ["A Lifecycle is made in the main thread, or with signals=False where a server has them."]


def ran(program, number=signal.SIGTERM, seconds=20):
    """Its exit code, output and errors, and how long it took from the signal on."""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "ready\n"
        began = time.monotonic()
        process.send_signal(number)
        output, errors = process.communicate(timeout=seconds)
    return process.returncode, output, errors, time.monotonic() - began


def test_the_end_of_the_process_closes_what_nobody_closed():
    program = """
from twelve_runtime import Lifecycle
lifecycle = Lifecycle()
lifecycle.on_close("pool", lambda: print("closed"))
print("ready", flush=True)
lifecycle.wait()
raise SystemExit(3)
"""
    assert ran(program)[:2] == (3, "closed\n")


@pytest.mark.parametrize("hang", ["while True: pass", "lifecycle.on_close('pool', threading.Event().wait); lifecycle.wait()", "threading.Thread(target=threading.Event().wait).start()",
        "lifecycle.on_close('pool', lambda: None); threading.Thread(target=threading.Event().wait).start(); lifecycle.wait(); lifecycle.close()"])  # fmt: skip
def test_what_hangs_ends_at_the_deadline_and_shows_where(hang):
    program = f"""
import threading
from twelve_runtime import Lifecycle
lifecycle = Lifecycle(grace=0.6)
print("ready", flush=True)
{hang}
"""
    code, _, errors, seconds = ran(program)
    assert code == 1
    assert 0.5 < seconds < 10
    assert "most recent call first" in errors


def test_signals_in_any_state_of_the_main_thread_do_no_harm():
    """Hundreds of them while the thread is inside its own locks, its pipe and its closing."""
    program = """
import os, signal, threading
from twelve_runtime import Lifecycle
lifecycle = Lifecycle()
signal.signal(signal.SIGTERM, lambda *_: lifecycle.stop())
other = threading.Thread(target=lambda: [os.kill(os.getpid(), signal.SIGTERM) for _ in range(500)])
print("ready", flush=True)
lifecycle.wait()
other.start()
while other.is_alive():
    with lifecycle.busy():
        lifecycle.on_close("x", lambda: None)
    lifecycle.sleep(0)
lifecycle.close()
print("ended")
"""
    assert ran(program)[:2] == (0, "ended\n")


def test_a_handler_that_was_there_before_is_called_as_well():
    program = """
import asyncio
import signal
from twelve_runtime import Lifecycle
signal.signal(signal.SIGTERM, lambda *_: print("server told"))
lifecycle = Lifecycle()
print("ready", flush=True)
lifecycle.wait()
print(lifecycle.stopping)
"""
    assert ran(program)[:2] == (0, "server told\nTrue\n")


def test_sleep_works_beside_thousands_of_open_files():
    program = """
import os, resource
from twelve_runtime import Lifecycle
resource.setrlimit(resource.RLIMIT_NOFILE, (2000, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
files = [os.open("/dev/null", os.O_RDONLY) for _ in range(1200)]
lifecycle = Lifecycle()
print("ready", flush=True)
print(lifecycle.sleep(60))
"""
    assert ran(program)[:2] == (0, "False\n")


def test_a_forks_copy_closes_nothing():
    program = """
import os
from twelve_runtime import Lifecycle
lifecycle = Lifecycle()
lifecycle.on_close("pool", lambda: print("closed by", "parent" if os.getpid() == parent else "child", flush=True))
parent = os.getpid()
if os.fork() == 0:
    raise SystemExit(0)
os.wait()
print("ready", flush=True)
lifecycle.wait()
"""
    assert ran(program)[1] == "closed by parent\n"
