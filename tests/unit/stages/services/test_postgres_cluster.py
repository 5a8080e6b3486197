import pytest

from twelve.stages.services.postgres_cluster import failure


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (
            ["[1] LOG:  starting", "[2] FATAL:  lock file is empty", "[1] LOG:  down"],
            "It failed: FATAL:  lock file is empty.",
        ),
        (["postgres: could not access the directory", "more"], "It failed: postgres: could not access the directory."),
        (["initdb: error: no permission."], "It failed: initdb: error: no permission."),
        (["something else"], "It failed: something else."),
        ([], "It failed: it said nothing."),
    ],
)
def test_the_error_is_the_line_that_tells(lines, sentence):
    assert str(failure("It failed", lines)) == sentence


def test_a_full_disk_is_said_to_be_full():
    error = failure("It failed", ["[1] FATAL:  could not write lock file: No space left on device"])
    assert (error.id, error.message) == ("disk_full", "It failed: the disk is full.")
