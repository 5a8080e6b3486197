"""`twelve-serve`, or `python -m twelve_runtime.ml serve`: the whole way from the environment to answers on $PORT."""

import gc
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from twelve_runtime.ml.errors import Unusable

USAGE = "usage: twelve-serve  (or python -m twelve_runtime.ml serve); everything is said in the environment"


def main(arguments: Sequence[str] | None = None) -> int:
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words not in ([], ["serve"]):
        print(USAGE, file=sys.stderr)  # noqa: T201 - a command's own words
        return 0 if words in (["-h"], ["--help"]) else 2
    try:
        return serve()
    except Unusable as error:
        print(f"twelve-serve: {error}", file=sys.stderr)  # noqa: T201 - the one clear line
        return error.exit_code
    except ImportError as absent:
        print(f"twelve-serve: {absent}.", file=sys.stderr)  # noqa: T201 - the same
        return 1
    except OSError as error:
        print(f"twelve-serve: the port cannot be had: {error.strerror}.", file=sys.stderr)  # noqa: T201 - the same
        return 1


def serve() -> int:
    """Imports come late and in the order they are needed: what is wrong with the environment is said at once."""
    from twelve_runtime.ml.settings import read  # noqa: PLC0415 - see above

    settings = read()
    _limit_threads(settings.workers)
    sys.path.insert(0, str(Path.cwd()))  # rules and builders are the app's code, beside its Procfile
    from twelve_runtime.ml.listener import listen  # noqa: PLC0415 - see above
    from twelve_runtime.ml.service import Recovery, Service  # noqa: PLC0415 - see above

    service = Service(settings)
    from twelve_runtime.ml.asgi import Application  # noqa: PLC0415 - see above
    from twelve_runtime.ml.worker import work  # noqa: PLC0415 - see above

    application, listener = Application(service), listen(settings.port)
    if settings.workers > 1:
        from twelve_runtime.ml.prefork import Prefork  # noqa: PLC0415 - see above

        return Prefork(service, listener, settings.workers).run()
    recovery = Recovery(service)
    gc.collect()
    gc.freeze()
    work(application, listener)
    recovery.stop()
    return 0


def _limit_threads(workers: int) -> None:
    """The libraries read these when they are imported. OpenMP's threads do not survive a fork, so there are none."""
    cores = len(os.sched_getaffinity(0))
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        if workers > 1:
            os.environ[name] = "1"
        else:
            os.environ.setdefault(name, str(cores))
