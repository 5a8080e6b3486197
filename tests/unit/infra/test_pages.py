"""What a process gives back is what it can have again, and its threads share what they can."""

import platform
import re
import subprocess
import sys

import pytest

PROGRAM = """
import hashlib, ssl
from pathlib import Path
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from twelve.infra.pages import give_back

def of_files():
    return int(Path("/proc/self/status").read_text().partition("RssFile:")[2].split()[0])

before = of_files()
give_back()
print(before, of_files())
sealed = AESGCM(bytes(32)).encrypt(bytes(12), b"secret", b"")
assert AESGCM(bytes(32)).decrypt(bytes(12), sealed, b"") == b"secret"
ssl.create_default_context()
print(hashlib.sha256(b"").hexdigest())
"""


def test_most_of_the_libraries_pages_go_and_the_libraries_still_work():
    done = subprocess.run([sys.executable, "-I", "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=60)
    before, after, digest = re.findall(r"\w+", done.stdout)
    assert int(after) < int(before) / 2
    assert digest.startswith("e3b0c442")


ARENAS = """
import ctypes, sys, threading
from twelve.infra.pages import share_one_arena

if sys.argv[1] == "one":
    share_one_arena()
begun = threading.Barrier(4)

def allocate():
    begun.wait()
    [bytes(10_000) for _ in range(1000)]

threads = [threading.Thread(target=allocate) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
C = ctypes.CDLL(None)
C.malloc_info(0, ctypes.c_void_p.in_dll(C, "stdout"))
C.fflush(None)
"""


@pytest.mark.skipif("glibc" not in platform.libc_ver(), reason="arenas are of glibc")
def test_threads_share_one_arena():
    of_each, shared = (
        subprocess.run(
            [sys.executable, "-I", "-c", ARENAS, how], capture_output=True, text=True, check=True, timeout=60
        )
        for how in ("each", "one")
    )
    assert of_each.stdout.count("<heap nr=") > 1
    assert shared.stdout.count("<heap nr=") == 1
