"""Which of these tests need a program that only `make clients` installs."""

import os

collect_ignore = [] if os.environ.get("RAGLASS_PHOENIX") else ["test_phoenix.py"]
"""Tests that `make test` leaves out; named on the command line, they run, and fail with what is missing."""
