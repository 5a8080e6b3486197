"""`python -m twelve_runtime.ml serve`, and the jobs beside it, `gate` and `drift`; each is imported when asked for."""

import importlib
import sys

JOBS = {"serve": "server", "gate": "gate", "drift": "drift_job"}


def main() -> int:
    job, *words = sys.argv[1:] or ["serve"]
    if job not in JOBS:
        print(f"usage: python -m twelve_runtime.ml {{{'|'.join(JOBS)}}} ...", file=sys.stderr)  # noqa: T201 - a command's own words
        return 0 if job in {"-h", "--help"} else 2
    found: int = importlib.import_module(f"twelve_runtime.ml.{JOBS[job]}").main(words)
    return found


sys.exit(main())
