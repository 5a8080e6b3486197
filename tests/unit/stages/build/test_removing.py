"""Trees that were made read-only are removed all the same, as an ordinary user too."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from twelve.core.errors import DiskFull
from twelve.infra.files import copy_tree, disk_full_is_said, remove_tree, seal_tree
from twelve.stages.source.digest import digest


def test_a_sealed_tree_is_removed(tmp_path):
    root = tmp_path / "root"
    (root / "a/b").mkdir(parents=True)
    (root / "a/b/file").write_text("x")
    (root / "link").symlink_to("/nowhere")
    assert seal_tree(root, files_writable=False) == 1
    (root / "a/b").chmod(0o500)
    (root / "a").chmod(0o000)
    remove_tree(root)
    assert not root.exists()
    remove_tree(root)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_a_sealed_tree_is_removed_by_an_ordinary_user(tmp_path):
    code = (
        "import os, pathlib, sys; from twelve.infra.files import remove_tree, seal_tree; os.setuid(65534);"
        "root = pathlib.Path(sys.argv[1]); (root / 'a/b').mkdir(parents=True); (root / 'a/b/f').write_text('x');"
        "seal_tree(root, files_writable=False); (root / 'a/b').chmod(0o500); (root / 'a').chmod(0o000); remove_tree(root);"
        "print(root.exists())"
    )
    done = subprocess.run([sys.executable, "-c", code, tempfile.mktemp()], capture_output=True, text=True, check=False)
    assert done.stdout == "False\n", done.stderr


def test_a_copy_is_the_same_tree(tmp_path):
    source = tmp_path / "source"
    (source / "d").mkdir(parents=True)
    (source / "d/run").write_text("x")
    (source / "d/run").chmod(0o555)
    (source / "l").symlink_to("d/run")
    copy_tree(source, tmp_path / "copy")
    assert digest(tmp_path / "copy") == digest(source)


def test_a_full_disk_is_said_and_other_errors_pass(tmp_path):
    with (
        pytest.raises(DiskFull, match="is full") as caught,
        disk_full_is_said(tmp_path),
        Path("/dev/full").open("wb", 0) as full,
    ):
        full.write(b"x")
    assert caught.value.exit_code == 83
    with pytest.raises(FileNotFoundError), disk_full_is_said(tmp_path):
        (tmp_path / "absent").read_bytes()
