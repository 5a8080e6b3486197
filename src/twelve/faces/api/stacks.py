"""Stacks, regions and dyno sizes: what an app can run on. One machine has one stack and one region."""

from collections.abc import Mapping, Sequence
from typing import Any

from twelve.core.errors import NotFound, UsageError
from twelve.core.model import SIZES
from twelve.faces.api import references
from twelve.faces.api.routes import Call, Routes

STACK = "twelve-1"
ALIASES = ("cedar", "heroku-")  # what clients that know only Heroku's stacks send
REGION = "us"  # the name that clients show nothing about
GENERATION = references.named("generation", "cedar")

routes = Routes()


def stack() -> dict[str, Any]:
    times = {"created_at": references.EPOCH, "updated_at": references.EPOCH}
    return {**references.named("stack", STACK), "default": True, "state": "public", **times}


def region() -> dict[str, Any]:
    return {
        **references.named("region", REGION),
        "country": "This machine",
        "description": "This machine",
        "locale": "This machine",
        "private_capable": False,
        "provider": {"name": "twelve", "region": "local"},
        "created_at": references.EPOCH,
        "updated_at": references.EPOCH,
    }


def dyno_size(name: str, memory: int) -> dict[str, Any]:
    return {
        **references.named("dyno-size", name),
        "architecture": "amd64",
        "compute": 1,
        "cost": None,
        "dedicated": False,
        "generation": GENERATION,
        "memory": memory / 1024,
        "precise_dyno_units": 1.0,
        "private_space_only": False,
    }


def check_stack(name: str | None) -> None:
    """Refuses a stack that is not ours; names that mean "the usual one" elsewhere are fine."""
    if name and name not in {STACK, references.named("stack", STACK)["id"]} and not name.startswith(ALIASES):
        raise UsageError(f'There is no stack "{name}".', hint=f"The stack here is {STACK}.")


@routes.get("/stacks")
@routes.get("/apps/{app}/available-stacks")
def stacks(call: Call) -> Any:
    return call.page([stack()])


@routes.get("/stacks/{name}")
def one_stack(call: Call) -> Any:
    return _find([stack()], call.path["name"], "stack")


@routes.get("/regions")
def regions(call: Call) -> Any:
    return call.page([region()])


@routes.get("/regions/{name}")
def one_region(call: Call) -> Any:
    return _find([region()], call.path["name"], "region")


@routes.get("/dyno-sizes")
@routes.get("/apps/{app}/available-dyno-sizes")
def dyno_sizes(call: Call) -> Any:
    return call.page([dyno_size(name, memory) for name, memory in SIZES.items()])


@routes.get("/dyno-sizes/{name}")
def one_dyno_size(call: Call) -> Any:
    sizes = [dyno_size(name, memory) for name, memory in SIZES.items()]
    return _find(sizes, call.path["name"].lower(), "dyno_size")


def _find(items: Sequence[Mapping[str, Any]], ref: str, resource: str) -> Mapping[str, Any]:
    for item in items:
        if ref in {item["name"], item["id"]}:
            return item
    raise NotFound(f'There is no {resource.replace("_", " ")} "{ref}".', resource=resource)
