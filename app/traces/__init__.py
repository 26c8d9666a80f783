"""Stored traces: chosen by filters, told in words."""
