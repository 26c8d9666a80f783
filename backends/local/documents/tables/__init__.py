"""Readers of rows: delimited text and JSON; what tables have in common."""
