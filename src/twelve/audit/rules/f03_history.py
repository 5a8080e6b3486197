"""Factor III, the history: a secret that was once committed is known to whoever has a clone."""

from collections.abc import Iterator

from twelve.audit.codebase import Codebase, Former, Kind, SourceFile
from twelve.audit.model import Hit
from twelve.audit.rule import WARNING, Rulebook
from twelve.audit.rules import f03_files, f03_secrets

RULES = Rulebook()
_NOT_OURS = {Kind.TEST, Kind.DOCS, Kind.EXAMPLE, Kind.VENDORED}


@RULES.of_code(
    "TF03-secret-in-history",
    WARNING,
    "A secret is in the history of the repository.",
    fix="Replace the secret at whoever issued it: taking it out of the history does not take it out of the clones.",
    why=f"{f03_secrets.LITMUS} Opening it opens its history. Looked for with --history only, in the last commits.",
    bad={
        "pay.js": "const key = process.env.STRIPE_KEY\n",
        ".git/history/pay.js": "const key = 'sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc" + "'\n",
    },
    good={
        "pay.js": "const key = process.env.STRIPE_KEY\n",
        ".git/history/pay.js": "const key = process.env.OLD_STRIPE_KEY\n",
    },
)
def secret_was_committed(code: Codebase) -> Iterator[Hit]:
    """Each line once, however many versions of a file had it, and only those that are gone: others have rules."""
    seen: set[tuple[str, str]] = set()
    for one in code.history:
        now = code.get(one.file.path)
        for line, message in _secrets(one):
            text = one.file.lines[line - 1].strip()
            if (one.file.path, text) not in seen and not (now and text in now.text):
                seen.add((one.file.path, text))
                yield Hit(one.file.path, None, f"Line {line} once was a secret. {message} {_again(one)}")
        one.file.forget()


def _secrets(one: Former) -> list[tuple[int, str]]:
    """(line, what) of secrets in one version of a file, by the rules that look for them today."""
    if one.file.kind in _NOT_OURS:
        return []
    found = [
        *f03_secrets.token_of_a_provider(one.file),
        *f03_secrets.private_key(one.file),
        *f03_secrets.secret_is_a_constant(one.file),
        *_of_env_file(one.file),
    ]
    return [(hit.line, hit.message or "A private key.") for hit in found if hit.line]


def _of_env_file(file: SourceFile) -> Iterator[Hit]:
    if file.language == "env":
        line, name, _ = f03_files.worst_of(file)
        if name:
            yield Hit(file.path, line, f"{name} was in {file.name}.")


def _again(one: Former) -> str:
    return f"See it with `git log --find-object={one.blob[:12]}`."
