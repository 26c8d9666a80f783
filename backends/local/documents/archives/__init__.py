"""Readers of files that hold files, and what keeps them from unpacking without end."""
