"""`raglass traces delete`: says what it would do, asks, does it, and says what stays and why."""

import json
import time
from pathlib import Path

import pytest

from metrics.store import TraceStore
from tests.app.shell.shells import shell, shell_here
from tests.factories import make_trace


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data folder with traces: two old ones, one of them rated, and a new one that a run holds."""
    with TraceStore.open(f"sqlite:///{tmp_path / 'traces.sqlite'}") as store:
        store.put_all([make_trace(trace_id=letter * 32) for letter in "ab"])
        store.put(make_trace(trace_id="c" * 32, asked_at=time.time()))
        store.annotate("b" * 32, 1)
        store.runs.start("r", {})
        store.runs.keep("r", [("q", "c" * 32, {})])
    return tmp_path


def stored(folder: Path) -> set[str]:
    with TraceStore.open(f"sqlite:///{folder / 'traces.sqlite'}") as store:
        return {letter for letter in "abc" if store.get(letter * 32)}


def delete(folder: Path, *arguments: str) -> tuple[int, str, str]:
    done = shell_here("traces", "delete", *arguments, RAGLASS_DATA_DIR=str(folder))
    return done.exit_code, done.stdout, done.stderr


def test_a_dry_run_says_what_would_go_and_deletes_nothing(data_dir: Path) -> None:
    status, said, _ = delete(data_dir, "--older-than", "30d", "--dry-run")
    assert status == 0
    assert "To delete: 1 trace, some " in said
    assert "Kept: 1 trace, rated or noted (--with-feedback)." in said
    assert stored(data_dir) == set("abc")


def test_old_traces_go_once_it_is_confirmed(data_dir: Path) -> None:
    status, said, _ = delete(data_dir, "--older-than", "30d", "--yes")
    assert status == 0
    assert "Deleted: 1 trace" in said
    assert stored(data_dir) == set("bc")


@pytest.mark.slow
def test_without_an_answer_nothing_goes(data_dir: Path) -> None:
    done = shell("traces", "delete", "--all", RAGLASS_DATA_DIR=str(data_dir))
    assert done.returncode == 1
    assert "Delete them for good?" in done.stderr
    assert stored(data_dir) == set("abc")


def test_everything_goes_where_that_is_said(data_dir: Path) -> None:
    status, said, _ = delete(data_dir, "--all", "--with-runs", "--with-feedback", "--yes", "--json")
    assert status == 0
    assert json.loads(said)["deleted"] == 3
    assert stored(data_dir) == set()


def test_a_named_trace_goes_though_it_is_rated_but_not_from_under_a_run(data_dir: Path) -> None:
    status, said, complaint = delete(data_dir, "b" * 32, "c" * 32, "d" * 32, "--yes")
    assert status == 1
    assert "Deleted: 1 trace" in said
    assert "held by a run or a study (--with-runs)" in said
    assert f"there is no trace '{'d' * 32}'" in complaint
    assert stored(data_dir) == set("ac")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "Which traces?"),
        (["--all", "--search", "x"], "not several of these"),
        (["a" * 32, "--older-than", "3d"], "not several of these"),
        (["--older-than", "soon"], "The age is 'soon'; write a number"),
    ],
)
def test_an_unclear_choice_is_refused(data_dir: Path, arguments: list[str], why: str) -> None:
    status, _, complaint = delete(data_dir, *arguments, "--yes")
    assert status == 2
    assert why in complaint
    assert stored(data_dir) == set("abc")


def test_options_before_the_word_delete_are_refused_and_not_passed_over(data_dir: Path) -> None:
    done = shell_here("traces", "--search", "x", "delete", "--all", "--yes", RAGLASS_DATA_DIR=str(data_dir))
    assert done.exit_code == 2
    assert "Give options after `delete`" in done.stderr
    assert stored(data_dir) == set("abc")


def test_a_condition_in_words_chooses(data_dir: Path) -> None:
    status, said, _ = delete(data_dir, "--where", "rating = up", "--with-feedback", "--dry-run")
    assert status == 0, said
    assert "To delete: 1 trace, " in said
