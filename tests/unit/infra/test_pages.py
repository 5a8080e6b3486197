"""What a process gives back is what it can have again."""

import re
import subprocess
import sys

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
