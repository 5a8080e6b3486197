"""A baseline: findings that were there before, kept in a file. Only what is new counts; a moved line is not new."""

import json
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from twelve.audit.model import Audit
from twelve.core.errors import UsageError, Where

VERSION = 1
KNOWN = "in the baseline"


def written(audit: Audit) -> str:
    """One finding a line, so that a change of it reads well in a review."""
    findings = [
        json.dumps({"key": one.key, "rule": one.rule, "file": one.path, "message": one.message}, ensure_ascii=False)
        for one in audit.findings
        if not one.suppressed
    ]
    body = ",\n  ".join(findings)
    return f'{{"version": {VERSION}, "findings": [\n  {body}\n]}}\n' if body else '{"version": 1, "findings": []}\n'


def keys(path: Path) -> frozenset[str]:
    try:
        data = json.loads(path.read_bytes())
        return frozenset(_keys(data))
    except FileNotFoundError:
        raise UsageError(f"There is no baseline {path}.", hint="Add --write-baseline to make it.") from None
    except OSError as error:
        raise UsageError(f"The baseline {path} cannot be read: {error.strerror}.") from None
    except (ValueError, TypeError, KeyError, RecursionError):
        raise UsageError(
            "This is no baseline.", where=Where(str(path)), hint="Make it anew with --write-baseline."
        ) from None


def _keys(data: Any) -> list[str]:
    if data["version"] != VERSION:
        raise ValueError
    return [str(one["key"]) for one in data["findings"]]


def beside(audit: Audit, known: Collection[str]) -> Audit:
    """The audit, with what was known before marked. Verdicts stay: an old violation is one."""
    findings = tuple(replace(one, known=KNOWN) if one.key in known else one for one in audit.findings)
    return replace(audit, findings=findings)
