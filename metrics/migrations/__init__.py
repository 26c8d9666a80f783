"""Alembic migrations of the trace store, run when a store is opened; nobody needs an alembic.ini."""
