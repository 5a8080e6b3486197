"""What the Platform API has no word for: this server, its processes, its end."""

from dataclasses import asdict
from typing import Any

from twelve.core.model import Process
from twelve.faces.api.addon_services import SERVICES
from twelve.faces.api.routes import Call, Routes
from twelve.flow import start

routes = Routes()


@routes.get("/_twelve/status")
def status(call: Call) -> Any:
    """Every process of the platform and of the apps."""
    settings = call.platform.settings
    own = [{**asdict(process), "app": None, "state": "up"} for process in start.status(call.platform)]
    return {
        "version": call.platform.version,
        "home": str(settings.home),
        "api_port": settings.api_port,
        "router_port": settings.router_port,
        "processes": [*own, *(_of_app(process) for process in call.platform.engine.processes())],
    }


@routes.get("/_twelve/services")
def services(call: Call) -> Any:
    """The kinds of services there are, and the version each runs."""
    names = {service.provider: service.name for service in SERVICES}
    return [
        {"name": name, "addon_service": names.get(name, name), "version": provider.version()}
        for name, provider in call.platform.providers.items()
    ]


def _of_app(process: Process) -> dict[str, Any]:
    return {
        "name": f"{process.app}.{process.name}",
        "role": process.type,
        "pid": process.pid,
        "detail": process.command,
        "app": process.app,
        "state": process.state.value,
    }


@routes.post("/_twelve/shutdown", 202)
def shutdown(call: Call) -> Any:
    """Answers first; the server ends, and whoever started it stops the rest."""
    call.shut_down()
    return {}
