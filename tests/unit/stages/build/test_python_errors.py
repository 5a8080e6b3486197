"""What uv says -> one sentence that names the cause and its place."""

from pathlib import Path

import pytest

from twelve.stages.build.python_errors import explain
from twelve.stages.build.python_project import Project

# As uv 0.13 prints it, with most of the compiler's lines left out.
COMPILER = """\
error: Failed to build `httptools==0.6.1`
  cause: The build backend returned an error
  cause: Call to `setuptools.build_meta:__legacy__.build_wheel` failed (exit status: 1)

         [stderr]
         httptools/parser/parser.c:9938:27: error: too few arguments to function _PyLong_AsByteArray
         error: Command '['gcc', '-c', 'httptools/parser/parser.c']' returned non-zero exit status 1.

hint: `httptools` (v0.6.1) was included because `app` (v0.1.0) depends on `httptools`

hint: Build failures usually indicate a problem with the package or the build environment"""
BACKEND = """\
error: Failed to build `app @ file:///app`
  cause: The build backend returned an error
  cause: Call to `poetry.core.masonry.api.build_editable` failed (exit status: 1)

         [stderr]
         Traceback (most recent call last):
           File "<string>", line 11, in <module>
         ValueError: /app/shop does not contain any element

hint: Build failures usually indicate a problem with the package or the build environment"""
TRAILING_HINT = """\
error: Something that nobody has seen before
hint: Perhaps try something else"""

SAID = {
    "a compiler failed": (
        COMPILER,
        "requirements.txt:2: httptools==0.6.1 has no wheel for this Python, and compiling it failed. The output",
    ),
    "the codebase itself cannot be installed": (
        BACKEND,
        "requirements.txt: The Python dependencies could not be installed: ValueError: shop does not contain any element.",
    ),
    "a hint is not the cause": (
        TRAILING_HINT,
        "requirements.txt: The Python dependencies could not be installed: Something that nobody has seen before.",
    ),
}


@pytest.mark.parametrize(("output", "said"), SAID.values(), ids=SAID.keys())
def test_what_is_made_of_uvs_words(tmp_path: Path, output, said):
    (tmp_path / "requirements.txt").write_text("flask\nhttptools==0.6.1\n")
    error = explain(output.splitlines(), Project(tmp_path, "requirements.txt"), "/app")
    assert str(error).startswith(said)
