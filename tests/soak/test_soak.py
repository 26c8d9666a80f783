"""`make soak` in short: two visitors for some seconds by the driver itself, and what it says of a server that does wrong."""

import re
import subprocess
import sys
from dataclasses import replace

import pytest

from tests.soak.people import Tally
from tests.soak.table import Soaked, holds, lines
from tests.soak.watching import Sample

SHORT = ["--sessions", "2", "--browsers", "0", "--minutes", "0.2", "--traces", "300", "--rate", "60"]
WELL = Soaked([Sample(float(at), 400, 300, 300, 20, 40, 0, 2) for at in range(4)], 1.0, Tally(), [], False, 2)


@pytest.mark.slow
def test_two_visitors_see_pages_of_a_small_store_without_an_error() -> None:
    command = [sys.executable, "-m", "tests.soak", *SHORT]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    printed = done.stdout
    assert "2 sessions for 0.2 minutes over 300 traces" in printed, printed + done.stderr
    reruns = re.search(r"^all of it +(\d+)", printed, re.MULTILINE)
    assert reruns is not None, printed + done.stderr
    assert int(reruns[1]) > 0
    figures = re.search(r"^of it its own, not in files, MB +(\d+) +(\d+) +(\d+)", printed, re.MULTILINE)
    assert figures is not None, printed
    assert all(int(figure) > 50 for figure in figures.groups())
    assert printed.rstrip().endswith("no error: held"), printed + done.stderr
    # So short a time says nothing of memory, which what is loaded for the first time fills; an error would have been said above.
    assert done.returncode == 0 or "MB an hour a session" in printed


def test_a_server_that_ends_by_itself_an_error_and_a_line_of_the_log_do_not_hold() -> None:
    fallen = Tally()
    fallen.fail("Ask", "the connection broke")
    wrong = [replace(WELL, gone=True), replace(WELL, tally=fallen), replace(WELL, log_lines=["ERROR it broke"])]
    assert holds(WELL)
    assert [holds(each) for each in wrong] == [False] * 3
    assert ["\n".join(lines(each)).endswith("no error: NOT HELD") for each in wrong] == [True] * 3


def test_memory_that_grows_does_not_hold_and_what_is_not_known_yet_does() -> None:
    growing = [replace(WELL.samples[0], at_s=at * 10.0, own_mb=300 + at) for at in range(60)]
    assert not holds(replace(WELL, samples=growing))
    assert "too short to say" in "\n".join(lines(WELL))
