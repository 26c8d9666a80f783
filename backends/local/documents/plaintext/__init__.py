"""Readers of text by its lines: plain text, paged text, source code."""
