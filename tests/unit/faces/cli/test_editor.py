"""`config edit` with real editors: small shell scripts."""

import stat

import pytest

from twelve.core.errors import UsageError
from twelve.faces.cli.editor import edited


@pytest.fixture
def editor(tmp_path, monkeypatch):
    def use(script):
        file = tmp_path / "editor"
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o700)
        monkeypatch.setenv("VISUAL", f"{file} --wait")

    return use


def test_what_was_written_is_read_back(editor):
    editor("""echo 'NEW="two words"' >> "$2" """)
    values = {"PLAIN": "x", "AWKWARD": 'a\'b\n$c "d"'}
    assert edited(values) == values | {"NEW": "two words"}


def test_the_file_is_private_and_gone_afterwards(editor, tmp_path):
    editor(f"""stat -c %a "$2" > {tmp_path}/mode; echo "$2" > {tmp_path}/name""")
    edited({"A": "1"})
    assert (tmp_path / "mode").read_text() == "600\n"
    assert stat.S_ISREG(tmp_path.joinpath("name").stat().st_mode)
    name = (tmp_path / "name").read_text().strip()
    assert not tmp_path.joinpath(name).exists()


def test_an_editor_that_fails_changes_nothing(editor):
    editor("exit 3")
    with pytest.raises(UsageError, match="nothing was changed"):
        edited({"A": "1"})
