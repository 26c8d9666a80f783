"""Which of these tests need a program that only `make clients` installs."""

import os

NEEDED = {"test_phoenix.py": "RAGLASS_PHOENIX", "test_frameworks.py": "RAGLASS_FRAMEWORKS"}
"""The variable that names the Python of an environment with it, by file."""

collect_ignore = [file for file, variable in NEEDED.items() if not os.environ.get(variable)]
"""Tests that `make test` leaves out; named on the command line, they run, and fail with what is missing."""
