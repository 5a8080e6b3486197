"""Which request a call is: what the decorators compare."""

from collections.abc import Callable, Mapping, Sequence

from twelve_runtime.idempotency.codec import fingerprint


def call_fingerprint(
    own: Callable[..., str] | None, name: str, args: Sequence[object], kwargs: Mapping[str, object]
) -> str:
    if own is not None:
        return own(*args, **kwargs)
    try:
        return fingerprint(name, list(args), dict(kwargs))
    except TypeError as error:
        raise TypeError(
            f"The arguments of {name} are no JSON ({error}): say by fingerprint= what is compared."
        ) from error
