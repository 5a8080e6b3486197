"""AI: models and datasets in the object store: what config asks for, checked and pinned; aliases."""
