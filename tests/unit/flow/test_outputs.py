"""The text of a build: who follows gets all of it, and the last lines are not told twice."""

from uuid import uuid4

import pytest

from twelve.flow.outputs import Output, Outputs


@pytest.mark.parametrize(
    ("lines", "there"),
    [(["b", "c"], True), (["c"], True), (["a", "b"], False), (["x", "c"], False), ([], True), (["", "b", "c"], False)],
)
def test_what_has_just_been_said(lines, there):
    output = Output()
    for line in ("a", "b", "c"):
        output.line(line)
    assert output.ends_with(lines) is there


def test_a_late_reader_gets_it_from_the_start():
    outputs, owner = Outputs(lambda _: "stored"), uuid4()
    output = outputs.open(owner)
    output.step("Building")
    output.line("")
    output.error("Failed.")
    follower = outputs.follow(owner)
    assert next(follower) == b"-----> Building\n"
    outputs.close(owner)
    assert b"".join(follower) == b"\n !     Failed.\n"
    assert b"".join(outputs.follow(owner)) == b"stored"
