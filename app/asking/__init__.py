"""Asking a question: what is asked, and how its trace is kept."""
