"""Alembic's scripts for infra/schema."""
