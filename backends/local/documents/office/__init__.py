"""Readers of what office programs write: documents, workbooks, slides, notebooks, mail."""
