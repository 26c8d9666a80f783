"""Readers of text with marks: HTML, Markdown, reStructuredText, EPUB."""
