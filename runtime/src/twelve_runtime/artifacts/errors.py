"""What can go wrong with an artifact. Each says one sentence and never holds a secret.

ArtifactError
├── Refused          digest, size, path, signature or schema is wrong: it is never loaded
├── Missing          an object that should be there is not
│   └── Unknown      no such model, version or dataset
└── StoreUnusable    the store does not answer, refuses us, or overwrites what is there
"""


class ArtifactError(Exception):
    """Something is wrong with an artifact or its store."""


class Refused(ArtifactError):
    """The artifact is not what it says it is, or not what was asked for."""


class Missing(ArtifactError):
    """Nobody has published that."""


class Unknown(Missing):
    """No version of that name, number, digest or tree."""


class StoreUnusable(ArtifactError):
    """The store cannot be used."""
