"""Account: whoever holds the token."""

from typing import Any

from twelve.core.errors import NotFound
from twelve.faces.api import references
from twelve.faces.api.apps import show_all
from twelve.faces.api.routes import Call, Routes

routes = Routes()


def show(email: str, since: str) -> dict[str, Any]:
    return {
        **references.user(email),
        "name": email.partition("@")[0],
        "allow_tracking": False,
        "beta": False,
        "created_at": since,
        "updated_at": since,
        "last_login": None,
        "verified": True,
        "federated": False,
        "identity_provider": None,
        "two_factor_authentication": False,
        "sms_number": None,
        "suspended_at": None,
        "delinquent_at": None,
        "country_of_residence": None,
        "default_organization": None,
        "default_team": None,
    }


@routes.get("/account")
def account(call: Call) -> Any:
    return show(call.user, references.EPOCH)


@routes.get("/account/rate-limits")
def rate_limits(_call: Call) -> Any:
    return {"remaining": 4500}


@routes.get("/account/features")
def features(call: Call) -> Any:
    return call.page([])


@routes.get("/users/{user}")
def user(call: Call) -> Any:
    _known(call)
    return account(call)


@routes.get("/users/{user}/apps")
def user_apps(call: Call) -> Any:
    _known(call)
    return call.page(show_all(call.platform))


def _known(call: Call) -> None:
    name = call.path["user"]
    if name not in {"~", *references.user(call.user).values()}:
        raise NotFound(f'There is no user "{name}".', resource="user")
