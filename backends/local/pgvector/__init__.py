"""Vectors in PostgreSQL, by the extension pgvector."""
