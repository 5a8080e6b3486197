"""The artifact library's errors as errors of the platform."""

from collections.abc import Iterator
from contextlib import contextmanager

from twelve_runtime.artifacts.errors import ArtifactError, Missing, StoreUnusable

from twelve.core.errors import BadModel, NotFound, ServiceUnreachable


@contextmanager
def told(*, missing: type[BadModel | NotFound] = BadModel) -> Iterator[None]:
    """`missing`: what it means here that nobody has published it."""
    try:
        yield
    except StoreUnusable as error:
        raise ServiceUnreachable(str(error), hint="MODEL_STORE_URL says where the model store is.") from None
    except Missing as error:
        raise missing(str(error), hint="`twelve models list` shows what there is.") from None
    except ArtifactError as error:
        raise BadModel(str(error)) from None
