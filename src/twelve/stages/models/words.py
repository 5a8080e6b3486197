"""The artifact library's errors as errors of the platform."""

from collections.abc import Iterator
from contextlib import contextmanager

from twelve_runtime.artifacts.errors import ArtifactError, Missing, StoreUnusable, Unknown

from twelve.core.errors import BadModel, NotFound, ServiceUnreachable


@contextmanager
def told(*, unknown: type[BadModel | NotFound] = BadModel, listing: str = "models") -> Iterator[None]:
    """`unknown`: what it means here that nobody has published it. `listing`: the command that shows what there is."""
    try:
        yield
    except StoreUnusable as error:
        raise ServiceUnreachable(str(error), hint="MODEL_STORE_URL says where the model store is.") from None
    except Unknown as error:
        raise unknown(str(error), hint=f"`twelve {listing} list` shows what there is.") from None
    except Missing as error:
        raise BadModel(str(error), hint="The store has lost it; what was published must stay there.") from None
    except ArtifactError as error:
        raise BadModel(str(error)) from None
