"""The HTTP control API, in the shape of the Heroku Platform API v3: every resource's routes behind one gate."""

from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.routing import Router
from starlette.types import ASGIApp

from twelve.core.errors import TwelveError
from twelve.faces.api import (
    account,
    addon_attachments,
    addon_services,
    addons,
    apps,
    attach,
    auth,
    builds,
    config_vars,
    domains,
    dynos,
    formation,
    log_drains,
    log_sessions,
    metrics,
    models,
    problems,
    releases,
    retrainings,
    rollouts,
    schedules,
    slugs,
    sources,
    stacks,
    twelve,
)
from twelve.faces.api.capabilities import Capabilities
from twelve.faces.api.gate import Gate
from twelve.faces.api.routes import Shared
from twelve.flow.platform import Platform

RESOURCES = (
    account,
    addon_attachments,
    addon_services,
    addons,
    apps,
    attach,
    builds,
    config_vars,
    domains,
    dynos,
    formation,
    log_drains,
    log_sessions,
    metrics,
    models,
    releases,
    retrainings,
    rollouts,
    schedules,
    slugs,
    sources,
    stacks,
    twelve,
)


def create_app(platform: Platform, shut_down: Callable[[], None] = lambda: None) -> ASGIApp:
    """`shut_down` is what POST /_twelve/shutdown sets off.

    Put together by hand: the gate answers what nobody expected, so Starlette's own page of errors need not be loaded.
    """
    token = auth.load_token(platform.settings)
    routes = [route for resource in RESOURCES for route in resource.routes.table]
    router = Router(routes, redirect_slashes=False)  # a redirect would drop the token
    answering = ExceptionMiddleware(router, {TwelveError: problems.expected, HTTPException: problems.refused})
    return Gate(answering, token, Shared(platform, Capabilities.of(token), shut_down))
