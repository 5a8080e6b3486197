"""The HTTP control API, in the shape of the Heroku Platform API v3: every resource's routes behind one gate."""

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

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


def create_app(platform: Platform, shut_down: Callable[[], None] = lambda: None) -> Starlette:
    """`shut_down` is what POST /_twelve/shutdown sets off."""
    token = auth.load_token(platform.settings)
    app = Starlette(
        routes=[route for resource in RESOURCES for route in resource.routes.table],
        middleware=[Middleware(Gate, token=token)],
        exception_handlers={
            TwelveError: problems.expected,
            HTTPException: problems.refused,
        },
    )
    app.router.redirect_slashes = False  # a redirect would drop the token
    app.state.platform = platform
    app.state.capabilities = Capabilities.of(token)
    app.state.shut_down = shut_down
    return app
