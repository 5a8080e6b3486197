"""Only what is new counts for the exit code; verdicts stay what they are."""

import json

import pytest

from twelve.audit import baseline
from twelve.audit.audit import audit, fails
from twelve.core.errors import UsageError

BIND = "web: gunicorn app:app --bind 127.0.0.1:$PORT\n"


def audited(directory, procfile):
    (directory / "Procfile").write_text(procfile)
    return audit(directory)


def test_a_moved_line_is_not_new_and_another_one_is(tmp_path):
    first = audited(tmp_path, BIND)
    file = tmp_path.with_suffix(".json")
    file.write_text(baseline.written(first))
    moved = baseline.beside(audited(tmp_path, "release: true\n\n" + BIND), baseline.keys(file))
    assert not fails(moved, "warning")
    assert {one.known for one in moved.findings if one.path == "Procfile"} == {"in the baseline"}
    other = baseline.beside(audited(tmp_path, "web: uvicorn app:app --port 80 --host 127.0.0.1\n"), baseline.keys(file))
    assert fails(other, "error")
    verdicts = {one.item: one.verdict for one in moved.judgements}
    assert verdicts["VII"] == "fail"


def test_a_finding_has_a_line_of_its_own_in_the_file(tmp_path):
    made = audited(tmp_path, BIND)
    lines = [json.loads(line.rstrip(",")) for line in baseline.written(made).splitlines()[1:-1]]
    assert [one["key"] for one in lines] == [one.key for one in made.findings]


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "3", '{"version": 2, "findings": []}', '{"version": 1, "findings": [1]}']
)
def test_what_is_no_baseline_is_said_to_be_none(tmp_path, text):
    file = tmp_path / "b.json"
    file.write_text(text)
    with pytest.raises(UsageError, match=r"b\.json: This is no baseline\. Make it anew"):
        baseline.keys(file)


def test_a_missing_one_says_how_to_make_it(tmp_path):
    with pytest.raises(UsageError, match="--write-baseline"):
        baseline.keys(tmp_path / "none.json")
