"""`make kill` in short: a few kills and one outage by the driver itself, and one that loses something by that, which is told."""

import re
import subprocess
import sys

import pytest

SOME = ["--kills", "3", "--only", "ingest", "backup", "read-only"]

FORGETFUL = """
import sys, time
from tests.withstand import kill

class Forgetful:
    name, endless, any_database = "forgetful", True, False
    def prepare(self, url, folder):
        pass
    def work(self, url, folder, tell):
        tell("kept")
        time.sleep(60)
    def check(self, url, folder, told):
        return "what was kept is lost" if told else ""

kill.WORKS = ((Forgetful(), 200),)
sys.exit(kill.main(["--kills", "2", "--only", "forgetful"]))
"""


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False, timeout=300)


def table(printed: str) -> dict[tuple[str, ...], list[str]]:
    """Its rows of kills by what was killed and the database: how many kills, how many midway, how many lost something."""
    rows = [line.split() for line in printed.splitlines()]
    return {tuple(row[:2]): row[2:] for row in rows if len(row) == 5}


@pytest.mark.database
@pytest.mark.slow
def test_a_few_kills_lose_nothing_and_are_told_in_a_table() -> None:
    done = run("-m", "tests.withstand.kill", *SOME)
    assert done.returncode == 0, done.stdout + done.stderr
    told = table(done.stdout)
    kinds = [(work, database) for work in ("ingest", "backup") for database in ("sqlite", "postgresql")]
    assert {kind: told[kind][2] for kind in kinds} == dict.fromkeys(kinds, "0")
    assert told["ingest", "sqlite"] == ["1", "1", "0"]
    assert re.search(r"^PostgreSQL read-only +held: ", done.stdout, re.MULTILINE)
    assert done.stdout.endswith("\nnone did not hold\n")


@pytest.mark.database
@pytest.mark.slow
def test_what_is_lost_is_told_and_leaves_with_1() -> None:
    done = run("-c", FORGETFUL)
    assert done.returncode == 1, done.stdout + done.stderr
    assert table(done.stdout)["forgetful", "sqlite"] == ["2", "2", "2"]
    assert done.stdout.count("NOT HELD what was kept is lost") == 2
    assert done.stdout.endswith("\n2 did not hold\n")
