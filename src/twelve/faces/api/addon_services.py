"""Add-on services and plans: the kinds of backing services there are, under the names clients look for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from twelve.core.errors import NotFound
from twelve.core.model import Resource
from twelve.core.policy.services import provider_of
from twelve.faces.api import references
from twelve.faces.api.routes import Call, Routes
from twelve.faces.api.stacks import GENERATION

FREE = {"cents": 0, "contract": False, "unit": "month"}

routes = Routes()


@dataclass(frozen=True, slots=True)
class Service:
    """`tier` names its one plan; the names of other plans are accepted and mean the same."""

    provider: str
    name: str
    human_name: str
    tier: str = "standard"

    @property
    def plan(self) -> str:
        return f"{self.name}:{self.tier}"


SERVICES = (
    Service("postgres", "heroku-postgresql", "PostgreSQL", "standard-0"),
    Service("redis", "heroku-redis", "Redis (Valkey)", "hobby-dev"),
    Service("s3", "s3", "Object storage (S3)"),
    Service("smtp", "smtp", "Mail (SMTP)"),
    Service("nats", "nats", "Messages (NATS)"),
    Service("url", "url", "A service given by its URL"),
)
_BY_PROVIDER: Mapping[str, Service] = {service.provider: service for service in SERVICES}


def service_of(resource: Resource) -> Service:
    name = resource.provider
    return _BY_PROVIDER.get(name) or Service(name, name, name)


def plan_name(resource: Resource) -> str:
    """service:tier, the tier as it was asked for."""
    service, (_, _, tier) = service_of(resource), resource.plan.partition(":")
    return f"{service.name}:{tier or service.tier}"


def show(service: Service) -> dict[str, Any]:
    return {
        **references.named("addon-service", service.name),
        "cli_plugin_name": None,
        "created_at": references.EPOCH,
        "human_name": service.human_name,
        "state": "ga",
        "supported_generations": [GENERATION],
        "supports_multiple_installations": True,
        "supports_sharing": True,
        "updated_at": references.EPOCH,
    }


def show_plan(service: Service, name: str) -> dict[str, Any]:
    return {
        **references.named("plan", name),
        "addon_service": references.named("addon-service", service.name),
        "compliance": None,
        "created_at": references.EPOCH,
        "default": True,
        "description": service.human_name,
        "human_name": name.partition(":")[2],
        "installable_inside_private_network": True,
        "installable_outside_private_network": True,
        "price": FREE,
        "space_default": False,
        "state": "ga",
        "updated_at": references.EPOCH,
        "visible": True,
    }


@routes.get("/addon-services")
def index(call: Call) -> Any:
    return call.page([show(service) for service in SERVICES])


@routes.get("/addon-services/{service}")
def info(call: Call) -> Any:
    return show(_find(call.path["service"]))


@routes.get("/addon-services/{service}/plans")
def plans(call: Call) -> Any:
    service = _find(call.path["service"])
    return call.page([show_plan(service, service.plan)])


@routes.get("/addon-services/{service}/plans/{plan}")
@routes.get("/plans/{plan}")
def plan(call: Call) -> Any:
    ref = call.path["plan"]
    for service in SERVICES:
        shown = show_plan(service, service.plan)
        if ref in {shown["id"], shown["name"], shown["human_name"]} and call.path.get("service") in {
            None,
            service.name,
        }:
            return shown
    return _alias(ref)


def _alias(ref: str) -> dict[str, Any]:
    service = _BY_PROVIDER.get(provider_of(ref) or "")
    if service is None or ":" not in ref:
        raise NotFound(f'There is no plan "{ref}".', resource="plan")
    return show_plan(service, f"{service.name}:{ref.partition(':')[2]}")


def _find(ref: str) -> Service:
    for service in SERVICES:
        if ref in {service.name, service.provider, references.named("addon-service", service.name)["id"]}:
            return service
    raise NotFound(f'There is no add-on service "{ref}".', resource="addon_service")
