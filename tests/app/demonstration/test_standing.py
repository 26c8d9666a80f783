"""Where a demonstration is, and what its pages say of that."""

from dataclasses import replace
from pathlib import Path

import pytest

from app.demonstration.standing import (
    FILE_NAME,
    LOCK_NAME,
    SILENT_S,
    Standing,
    check_free,
    make_banner,
    read_standing,
    write_standing,
)
from pipeline.errors import InputError
from pipeline.locks import held_alone

RUNNING = Standing(
    "running", 10, True, 1000.0, 1000.0, "http://127.0.0.1:8501", {"Two runs compared": "runs?run=a&with=b"}
)


def test_what_is_written_is_read_again_and_a_changed_file_anew(tmp_path: Path):
    write_standing(tmp_path, RUNNING)
    assert read_standing(tmp_path) == RUNNING
    over = replace(RUNNING, phase="over")
    write_standing(tmp_path, over)
    assert read_standing(tmp_path) == over


def test_a_folder_without_the_file_or_with_a_broken_one_is_no_demonstrations(tmp_path: Path):
    assert read_standing(tmp_path) is None
    (tmp_path / FILE_NAME).write_text("{")
    assert read_standing(tmp_path) is None


def test_the_banner_says_what_goes_on_and_what_comes_next_and_when():
    # Of ten minutes the first scene takes 24 %, 144 s, and the next begins then.
    banner = make_banner(replace(RUNNING, beat_at=1094.0), 1094.0)
    assert banner.now == "Now: questions about everything, and all is well. See Overview."
    assert banner.next == "In 50 s: the stack's generator answers 2.5 s late."
    assert make_banner(replace(RUNNING, beat_at=1590.0), 1595.0).next == "In 5 s: the end."


@pytest.mark.parametrize(
    ("standing", "now_s", "said"),
    [
        (replace(RUNNING, phase="over"), 1601.0, "over"),
        (replace(RUNNING, phase="stopped"), 1100.0, "stopped"),
        (RUNNING, RUNNING.beat_at + SILENT_S + 1, "stopped"),
    ],
)
def test_the_banner_does_not_claim_that_an_ended_one_goes_on(standing: Standing, now_s: float, said: str):
    banner = make_banner(standing, now_s)
    assert said in banner.now
    assert banner.next == ""


def test_one_that_was_stopped_or_killed_can_be_gone_on_with_and_one_that_is_over_cannot():
    assert replace(RUNNING, phase="stopped", beat_at=1100.0).can_resume()
    assert replace(RUNNING, beat_at=1100.0).can_resume()
    assert not replace(RUNNING, phase="over", beat_at=1600.0).can_resume()


def test_a_second_start_is_told_where_the_first_is(tmp_path: Path):
    check_free(tmp_path)
    write_standing(tmp_path, RUNNING)
    with held_alone(tmp_path / LOCK_NAME, InputError("taken")), pytest.raises(InputError, match=r"127\.0\.0\.1:8501"):
        check_free(tmp_path)
    check_free(tmp_path)
