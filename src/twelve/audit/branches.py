"""The branches of a repository that are named after an environment and have gone their own way."""

from pathlib import Path

from twelve.audit import git

ENVIRONMENTS = {
    "production",
    "prod",
    "live",
    "staging",
    "stage",
    "preprod",
    "preproduction",
    "qa",
    "uat",
    "integration",
}
_TRUNKS = ("main", "master", "trunk", "develop", "development")
_PLACES = ("refs/heads/", "refs/remotes/origin/")


def diverged(root: Path) -> tuple[str, ...]:
    """Those with a commit that the trunk lacks; one that only points at what is deployed has none."""
    listed = git.names(root, "for-each-ref", "--format=%(refname)%00", *_PLACES) or []
    refs = [ref.strip() for ref in listed]
    trunk = next((f"{place}{name}" for name in _TRUNKS for place in _PLACES if f"{place}{name}" in refs), "")
    named = {ref: name for ref in refs for place in _PLACES if (name := ref.removeprefix(place)) in ENVIRONMENTS}
    if not trunk:
        return ()
    return tuple(sorted({name for ref, name in named.items() if _has_own(root, trunk, ref)}))


def _has_own(root: Path, trunk: str, ref: str) -> bool:
    return bool((git.asked(root, "rev-list", "--max-count=1", f"{trunk}..{ref}") or b"").strip())
