"""`raglass demo`."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.demonstration import performing
from app.demonstration.performing import Plan, rehearsed_stack
from app.demonstration.standing import LOCK_NAME, Standing, write_standing
from app.shell.main import main
from pipeline.errors import InputError, Unavailable
from pipeline.locks import held_alone
from serving.rehearsal.ports import free_port


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The demonstration's own folder."""
    monkeypatch.setenv("RAGLASS_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("RAGLASS_PORT", str(free_port()))
    return tmp_path / "demonstration"


@pytest.fixture
def performed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Plan, object]]:
    """What was to be performed, and is not."""
    found: list[tuple[Plan, object]] = []
    monkeypatch.setattr(performing, "perform", lambda plan, stack, tell, stop: found.append((plan, stack)))
    return found


def test_alone_needs_no_stack_and_leaves_the_persons_own_folder_alone(
    folder: Path, performed: list[tuple[Plan, object]]
):
    done = CliRunner().invoke(main, ["demo", "--alone", "--minutes", "2", "--stay", "0"])
    assert done.exit_code == 0, done.output
    [(plan, stack)] = performed
    assert stack is None
    assert (plan.minutes, plan.stay_minutes, plan.folder) == (2, 0, folder)
    assert not list(folder.parent.iterdir())


def test_a_second_start_says_where_the_first_is(folder: Path, performed: list[tuple[Plan, object]]):
    folder.mkdir()
    write_standing(folder, Standing("running", 15, True, 0.0, 0.0, "http://127.0.0.1:8765"))
    with held_alone(folder / LOCK_NAME, InputError("taken")):
        done = CliRunner().invoke(main, ["demo", "--alone", "--fresh"])
    assert done.exit_code == 2
    assert "http://127.0.0.1:8765" in done.output
    assert performed == []


def test_fresh_begins_with_nothing(folder: Path, performed: list[tuple[Plan, object]]):
    folder.mkdir()
    (folder / "traces.sqlite").write_text("old")
    CliRunner().invoke(main, ["demo", "--alone"])
    assert (folder / "traces.sqlite").exists()
    CliRunner().invoke(main, ["demo", "--alone", "--fresh"])
    assert not folder.exists()


def test_ctrl_c_ends_it_by_way_of_what_has_to_be_put_away(folder: Path, monkeypatch: pytest.MonkeyPatch):
    put_away = threading.Event()

    def perform(plan: Plan, stack: object, tell: object, stop: threading.Event) -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
            stop.wait(30)
        finally:
            put_away.set()

    monkeypatch.setattr(performing, "perform", perform)
    before = signal.getsignal(signal.SIGINT)
    done = CliRunner().invoke(main, ["demo", "--alone"])
    assert done.exit_code == 130
    assert put_away.is_set()
    assert signal.getsignal(signal.SIGINT) == before


def test_a_machine_that_cannot_make_the_stack_is_told_so_and_goes_on_alone(monkeypatch: pytest.MonkeyPatch):
    @contextmanager
    def start(**_: object) -> Iterator[None]:
        raise Unavailable("The packages of emulator.lock cannot be installed.")
        yield

    monkeypatch.setattr("serving.rehearsal.session.start", start)
    said: list[str] = []
    with rehearsed_stack(said.append) as stack:
        assert stack is None
    assert "emulator.lock" in said[0]
    assert "local backend alone" in said[1]
