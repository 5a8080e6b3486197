"""The environment of a process: platform defaults, then the release's config, then what the platform owns."""

from collections.abc import Iterable, Mapping
from datetime import UTC

from twelve.core.model import Release, Slug

HOME = "/app"
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
DEFAULTS: Mapping[str, str] = {
    "PATH": SYSTEM_PATH,
    "TMPDIR": "/tmp",  # noqa: S108 - inside the sandbox, where it is private and ends with the process
    "LANG": "C.UTF-8",
    "PYTHONUNBUFFERED": "1",
    "PYTHONHASHSEED": "random",
    "FORWARDED_ALLOW_IPS": "*",
}
OWNED = frozenset({
    "PORT", "DYNO", "HOME", "PWD",
    "HEROKU_APP_ID", "HEROKU_APP_NAME", "HEROKU_APP_DEFAULT_DOMAIN_NAME", "HEROKU_DYNO_ID",
    "HEROKU_RELEASE_VERSION", "HEROKU_RELEASE_CREATED_AT", "HEROKU_SLUG_COMMIT", "HEROKU_SLUG_DESCRIPTION",
    "TWELVE_SLUG_DIGEST", "TWELVE_NEW_RELEASE",
})  # fmt: skip
NEW_RELEASE = {"TWELVE_NEW_RELEASE": "1"}  # only at the first start of a process whose release has not served yet
GIVEN = OWNED | frozenset(DEFAULTS)  # no app has to ask for these


def owned_in(config: Iterable[str]) -> list[str]:
    """The keys somebody set in vain: stored and shown, but a process gets the platform's value."""
    return [key for key in config if key in OWNED]


def notes(config: Iterable[str]) -> list[str]:
    return [f"Note: {key} has no effect in config: each process gets the platform's own." for key in owned_in(config)]


def process_environment(
    *, app_id: str, app_name: str, host: str, release: Release, slug: Slug, config: Mapping[str, str]
) -> dict[str, str]:
    """All but PORT, DYNO and HEROKU_DYNO_ID, which only the engine knows. Nothing of the host's is inherited."""
    own = {key: value for key, value in config.items() if key not in OWNED}
    return {**DEFAULTS, **slug.env, "PATH": _path(slug), **own, **_owned(app_id, app_name, host, release, slug)}


def _path(slug: Slug) -> str:
    first = [part for part in slug.env.get("PATH", "").split(":") if part]
    return ":".join([*first, *(part for part in SYSTEM_PATH.split(":") if part not in first)])


def _owned(app_id: str, app_name: str, host: str, release: Release, slug: Slug) -> dict[str, str]:
    commit = slug.commit or ""
    return {
        "HOME": HOME,
        "PWD": HOME,
        "HEROKU_APP_ID": app_id,
        "HEROKU_APP_NAME": app_name,
        "HEROKU_APP_DEFAULT_DOMAIN_NAME": host,
        "HEROKU_RELEASE_VERSION": f"v{release.version}",
        "HEROKU_RELEASE_CREATED_AT": release.created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "HEROKU_SLUG_COMMIT": commit,
        "HEROKU_SLUG_DESCRIPTION": f"Deploy {(commit or slug.digest)[:7]}",
        "TWELVE_SLUG_DIGEST": slug.digest,
    }
