"""A process that is told to stop wakes up, finishes and ends with its own exit code."""

import signal
import subprocess
import sys
import time

import pytest

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
