"""A lock has one holder at a time, whichever process it is in, and none once that is gone."""

import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from pipeline.errors import StoreError
from pipeline.locks import held_alone, held_in_turn, is_held

HOLD = """
import sys
from pathlib import Path
from pipeline.locks import held_alone
with held_alone(Path(sys.argv[1]), RuntimeError()):
    print("held", flush=True)
    sys.stdin.read()
"""

TAKEN = StoreError("Somebody is at it.")


def test_second_holder_in_this_process_is_refused_until_the_first_lets_go(tmp_path: Path) -> None:
    with held_alone(tmp_path / "lock", TAKEN):
        with pytest.raises(StoreError, match="Somebody is at it"), held_alone(tmp_path / "lock", TAKEN):
            pass
        with held_alone(tmp_path / "other", TAKEN):
            pass
    with held_alone(tmp_path / "lock", TAKEN):
        pass


def test_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(StoreError), held_alone(path, TAKEN):
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait(10)
    with held_alone(path, TAKEN):
        pass


def test_it_can_be_seen_whether_a_lock_is_held_without_taking_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not is_held(path)
    assert not path.exists()
    with held_alone(path, TAKEN):
        assert is_held(path)
    assert not is_held(path)
    with held_alone(path, TAKEN):
        pass


def test_what_is_raised_inside_is_not_taken_for_the_lock(tmp_path: Path) -> None:
    with pytest.raises(BlockingIOError), held_alone(tmp_path / "lock", TAKEN):
        raise BlockingIOError


def test_lock_that_cannot_be_made_says_where_and_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "lock"
    with (
        pytest.raises(StoreError, match=r"The lock .*file/lock cannot be made \((File exists|Not a directory)\)"),
        held_alone(path, TAKEN),
    ):
        pass


@pytest.mark.slow
def test_who_waits_for_its_turn_gets_it_once_the_holder_lets_go(tmp_path: Path) -> None:
    waits: list[int] = []
    with ExitStack() as holding:
        holding.enter_context(held_alone(tmp_path / "lock", TAKEN))

        def on_wait() -> None:
            waits.append(1)
            if len(waits) == 2:
                holding.close()

        with held_in_turn(tmp_path / "lock", on_wait), pytest.raises(StoreError), held_alone(tmp_path / "lock", TAKEN):
            pass
    assert len(waits) == 2


def test_waiting_for_a_turn_can_be_given_up(tmp_path: Path) -> None:
    def give_up() -> None:
        raise InterruptedError

    with (
        held_alone(tmp_path / "lock", TAKEN),
        pytest.raises(InterruptedError),
        held_in_turn(tmp_path / "lock", give_up),
    ):
        pass
