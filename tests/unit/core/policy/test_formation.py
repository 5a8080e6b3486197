from uuid import UUID

import pytest

from twelve.core.errors import NotFound, UsageError
from twelve.core.model import AppManifest, FormationEntry, FormationWish
from twelve.core.policy.formation import ScaleUpdate, apply, batches, default_formation, is_exclusive
from twelve.core.policy.sizes import known_size, quota, size_named

APP = UUID(int=1)
TYPES = ["release", "web", "worker", "clock"]


def quantities(formation):
    return {entry.type: entry.quantity for entry in formation}


@pytest.mark.parametrize(
    ("wishes", "all_types", "expected"),
    [
        ({}, False, {"release": 0, "web": 1, "worker": 0, "clock": 0}),
        ({}, True, {"release": 0, "web": 1, "worker": 1, "clock": 1}),
        ({"web": 3, "worker": 0}, True, {"release": 0, "web": 3, "worker": 0, "clock": 1}),  # app.json wins
        ({"release": 2, "web": 0}, False, {"release": 0, "web": 0, "worker": 0, "clock": 0}),  # but not over this
        ({"gone": 2}, False, {"release": 0, "web": 1, "worker": 0, "clock": 0}),  # no such type any more
    ],
)
def test_first_quantities(wishes, all_types, expected):
    manifest = AppManifest(formation={type_: FormationWish(quantity=n) for type_, n in wishes.items()})
    assert quantities(default_formation(APP, TYPES, manifest, all_types=all_types)) == expected


def test_first_sizes():
    manifest = AppManifest(formation={"web": FormationWish(size="Standard-2X")})
    assert [entry.size for entry in default_formation(APP, ["web", "worker"], manifest)] == [
        "standard-2x",
        "standard-1x",
    ]


@pytest.mark.parametrize(
    ("type_", "rollout", "exclusive"),
    [
        ("clock", None, True),
        ("scheduler", None, True),
        ("mail-clock", None, True),
        ("mail-scheduler", None, True),
        ("beat", None, True),
        ("celery-beat", None, True),
        ("heartbeat", None, False),
        ("clocks", None, False),
        ("myclock", None, False),
        ("web", None, False),
        ("clock", "overlap", False),
        ("worker", "exclusive", True),
    ],
)
def test_what_must_never_run_twice(type_, rollout, exclusive):
    assert is_exclusive(type_, FormationWish(rollout=rollout)) is exclusive


CURRENT = {
    "web": FormationEntry(APP, "web", 2),
    "worker": FormationEntry(APP, "worker", 0),
    "release": FormationEntry(APP, "release", 0),
}


@pytest.mark.parametrize(
    ("updates", "expected"),
    [
        ([ScaleUpdate("web", 3)], {"web": 3, "worker": 0, "release": 0}),
        ([ScaleUpdate("web", "3")], {"web": 3, "worker": 0, "release": 0}),
        ([ScaleUpdate("web", "+1")], {"web": 3, "worker": 0, "release": 0}),
        ([ScaleUpdate("web", "-2")], {"web": 0, "worker": 0, "release": 0}),
        ([ScaleUpdate("web", "+1"), ScaleUpdate("web", "+1")], {"web": 4, "worker": 0, "release": 0}),
        ([ScaleUpdate("worker", 999), ScaleUpdate("web", 0)], {"web": 0, "worker": 999, "release": 0}),
        ([ScaleUpdate("release", size="basic")], {"web": 2, "worker": 0, "release": 0}),  # its size may change
        ([], {"web": 2, "worker": 0, "release": 0}),
    ],
)
def test_scaling(updates, expected):
    assert quantities(apply(CURRENT, updates)) == expected


def test_scaling_leaves_a_size_that_is_not_asked_for():
    sizes = [entry.size for entry in apply(CURRENT, [ScaleUpdate("web", size="Performance-M"), ScaleUpdate("web", 1)])]
    assert sizes == ["performance-m", "standard-1x", "standard-1x"]


@pytest.mark.parametrize(
    ("update", "error", "status", "text"),
    [
        (ScaleUpdate("x", 1), NotFound, 404, "Couldn't find that process type (x). There are release, web, worker."),
        (ScaleUpdate("release", 1), UsageError, 422, "runs once in each release"),
        (ScaleUpdate("web", 1000), UsageError, 422, "web cannot have 1000 processes: 0 to 999"),
        (ScaleUpdate("web", "-3"), UsageError, 422, "web cannot have -1 processes"),
        (ScaleUpdate("web", -1), UsageError, 422, "web cannot have -1 processes"),  # a number is never relative
        (ScaleUpdate("web", "many"), UsageError, 422, '"many" is not a quantity of web'),
        (ScaleUpdate("web", "1.5"), UsageError, 422, "not a quantity"),
        (ScaleUpdate("web", "٣"), UsageError, 422, "not a quantity"),  # a digit, but not one of ours
        (ScaleUpdate("web", "9" * 5000), UsageError, 422, "not a quantity"),
        (ScaleUpdate("web", size="huge"), UsageError, 422, 'There is no size "huge"'),
    ],
)
def test_scaling_refused(update, error, status, text):
    with pytest.raises(error) as caught:
        apply(CURRENT, [update])
    assert text in str(caught.value)
    assert caught.value.http_status == status


class Spec:
    def __init__(self, name: str, max_parallel: int | None = None) -> None:
        self.name, self.type = name, name.partition(".")[0]
        self.wish = FormationWish(max_parallel=max_parallel)


@pytest.mark.parametrize(
    ("specs", "expected"),
    [
        ([], []),
        ([Spec("web.2"), Spec("web.3"), Spec("worker.1")], [["web.2", "web.3", "worker.1"]]),
        (
            [Spec("web.1", 2), Spec("web.2", 2), Spec("web.3", 2), Spec("worker.1")],
            [["web.1", "web.2", "worker.1"], ["web.3"]],  # the limit is each type's own
        ),
        ([Spec("a.1", 1), Spec("a.2", 1), Spec("b.1", 1)], [["a.1", "b.1"], ["a.2"]]),
    ],
)
def test_what_boots_together(specs, expected):
    assert [[spec.name for spec in batch] for batch in batches(specs)] == expected


def test_sizes_in_any_case():
    assert known_size("STANDARD-1x") == size_named(None) == "standard-1x"
    assert known_size("hobby") is None
    assert quota("Performance-M") == 2560


def test_the_one_offs_of_a_retraining_do_not_run_all_the_time():
    made = default_formation(APP, ["web", "train", "gate", "worker"], AppManifest(), all_types=True)
    assert quantities(made) == {"web": 1, "train": 0, "gate": 0, "worker": 1}
