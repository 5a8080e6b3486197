"""A full disk below TWELVE_HOME: told in one sentence, the app serves on, and with room again everything goes on."""

import contextlib
import os
import shutil
import subprocess

import pytest

from tests.support.live import FIXTURES, running, wait_for
from twelve.core import errors

pytestmark = pytest.mark.integration

SIZE = 256 << 20


@pytest.fixture
def small(tmp_path):
    """A directory on a disk of its own."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", place], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def fill(place):
    """To the last byte."""
    filler = place / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1 << 16))
    assert os.statvfs(place).f_bavail == 0
    return filler


def test_a_full_disk_is_told_and_got_over(small, tmp_path):
    source = shutil.copytree(FIXTURES / "hello", tmp_path / "hello")
    with running(small / "home") as own:
        own.up(source, "full")
        filler = fill(small)
        (source / "web.py").write_text((source / "web.py").read_text().replace('"1"', '"2"'))
        failed = own.up(source, "full", ok=False)
        assert failed.returncode == errors.DiskFull.exit_code, failed.stderr
        assert "Traceback" not in failed.stderr
        assert own.get("full").body == "hello 1\n"
        filler.unlink()
        wait_for(lambda: own.up(source, "full", ok=False).returncode == 0, "a deploy, with room again", 60)
        assert own.get("full").body == "hello 2\n"
        own.cli("restart", "--app", "full")
        assert own.get("full").body == "hello 2\n"
