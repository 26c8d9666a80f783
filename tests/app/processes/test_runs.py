"""Runs of processes of their own: what is left after Ctrl-C and kill −9, and two at once."""

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from metrics.queries import TraceQuery
from metrics.store import TraceStore
from pipeline.errors import InputError
from tests.app.shell.shells import shell, start_shell

LIMIT = 20


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the index of the built-in corpus."""
    folder = tmp_path_factory.mktemp("data")
    done = shell("index", RAGLASS_DATA_DIR=str(folder), RAGLASS_THREADS="1")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def environ(data_dir: Path, tmp_path: Path) -> dict[str, str]:
    """The environment of a process on that folder, with a store of the test's own."""
    return {
        "RAGLASS_DATA_DIR": str(data_dir),
        "RAGLASS_DATABASE_URL": f"sqlite:///{tmp_path / 'traces.sqlite'}",
        "RAGLASS_THREADS": "1",
    }


def wait_for_answers(store: TraceStore, process: "subprocess.Popen[str]", least: int) -> str:
    """The id of the run under way, once it has that many answers and before it has all."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        assert process.poll() is None, process.communicate()
        with suppress(InputError):
            run = store.runs.find("LAST")
            if run.answers >= least:
                return run.run_id
        time.sleep(0.03)
    raise AssertionError("The run did not begin.")


def asked(store: TraceStore) -> list[str]:
    return [row.question for row in store.page(TraceQuery(), limit=500).rows]


@pytest.mark.slow
def test_killed_run_is_gone_on_with_and_only_what_was_in_flight_is_asked_again(environ: dict[str, str]) -> None:
    with TraceStore.open(environ["RAGLASS_DATABASE_URL"]) as store:
        process = start_shell("eval", "run", "--limit", str(LIMIT), **environ)
        run_id = wait_for_answers(store, process, 2)
        process.kill()
        process.communicate()
        killed = store.runs.find(run_id)
        assert (killed.status, 2 <= killed.answers < LIMIT) == ("running", True)
        done = shell("eval", "resume", "LAST", **environ)
        assert done.returncode == 0, done.stderr
        assert f"Run {run_id}, finished: {LIMIT} of {LIMIT} questions" in done.stdout
        assert store.runs.find(run_id).answers == LIMIT == len(store.runs.scores(run_id)) == len(set(asked(store)))
        assert len(asked(store)) <= LIMIT + 1


@pytest.mark.slow
def test_interrupted_run_keeps_what_is_in_flight_and_says_how_to_go_on(environ: dict[str, str]) -> None:
    with TraceStore.open(environ["RAGLASS_DATABASE_URL"]) as store:
        process = start_shell("eval", "run", "--limit", "60", "--workers", "2", **environ)
        run_id = wait_for_answers(store, process, 3)
        os.kill(process.pid, signal.SIGINT)
        said, complained = process.communicate(timeout=120)
        assert process.returncode == 130
        assert f"raglass: stopped. `raglass eval resume {run_id}` goes on from here." in complained
        assert "Traceback" not in complained
        stopped = store.runs.find(run_id)
        assert f"Run {run_id}, stopped: {stopped.answers} of 60 questions" in said
        assert stopped.answers == len(asked(store)) == len(set(asked(store))) < 60


@pytest.mark.slow
def test_two_runs_at_once_on_one_store_both_finish(environ: dict[str, str]) -> None:
    processes = [start_shell("eval", "run", "--limit", "4", "--seed", str(seed), **environ) for seed in (1, 2)]
    for process in processes:
        said, complained = process.communicate(timeout=240)
        assert process.returncode == 0, complained
        assert "finished: 4 of 4 questions" in said
    with TraceStore.open(environ["RAGLASS_DATABASE_URL"]) as store:
        assert [(run.status, run.answers) for run in store.runs.newest()] == [("finished", 4)] * 2
        assert len(asked(store)) == 8
