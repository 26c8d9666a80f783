"""Tiles say how it is, in words and by their tone."""

from dataclasses import replace

import pytest

from app.alerting.rules import Rule
from app.kit.numbers import points
from app.overview.reading import Pace, Stretch
from app.overview.words import (
    Elsewhere,
    Verdict,
    alerts_tile,
    concern_tiles,
    failed_tile,
    last_pair,
    p95_tile,
    quality_tile,
    ready_tile,
    run_tile,
    verdict_of,
    watches_drift,
)
from app.quality.recent import Bucket, RuleWindow
from app.quality.rules import RULES
from app.runs.compared import compare_stored
from app.stability.drift import MeasuredWindow, QuestionDrift
from app.stability.drift import Stretch as Asked
from evaluation.control import Sample
from evaluation.drift import WindowDrift
from metrics.alarms import Alarm
from metrics.alerts import StoredAlert
from metrics.quality import QualityPoint
from metrics.runs import StoredRun
from tests.app.runs.test_compared import scored

QUIET = Stretch(0, 0, None)


def pace(now: Stretch, before: Stretch = QUIET, *, whose: str = "people", others: int = 0) -> Pace:
    return Pace(whose, "local/embedded", now, before, others)


@pytest.mark.parametrize(
    ("now", "before", "tone"),
    [
        (Stretch(100, 0, 1.0), Stretch(100, 9, 1.0), "good"),
        (Stretch(100, 2, 1.0), Stretch(100, 2, 1.0), "warn"),
        (Stretch(100, 5, 1.0), Stretch(100, 2, 1.0), "bad"),
        (QUIET, Stretch(100, 2, 1.0), "quiet"),
    ],
)
def test_failures_are_bad_where_there_are_twice_as_many_as_before(now, before, tone):
    assert failed_tile(pace(now, before), "day").tone == tone


@pytest.mark.parametrize(
    ("before_ms", "tone", "said"),
    [
        (100.0, "good", "as before"),
        (50.0, "warn", "50.0 ms before"),
        (200.0, "good", "200 ms before"),
        (None, "good", "19 of 20 questions by people to local/embedded took less."),
    ],
)
def test_p95_is_told_with_its_change(before_ms, tone, said):
    tile = p95_tile(pace(Stretch(10, 0, 101.0), Stretch(10, 0, before_ms)), "day")
    assert (tile.value, tile.tone) == ("101 ms", tone)
    assert said in tile.note


def test_figures_say_whose_questions_they_are_of():
    one = Stretch(1, 1, 101.0)
    assert failed_tile(pace(one), "day").note == "1 of 1 question by people"
    assert failed_tile(pace(one, whose="everyone"), "day").note == "1 of 1 question, whoever asked"
    everyones = p95_tile(pace(one, whose="everyone"), "day").note
    assert everyones == "19 of 20 questions to local/embedded took less, whoever asked."
    assert quality_tile([], pace(one), "day").note == "No answer of the last 24 hours was scored."
    assert quality_tile([], pace(one, whose="runs"), "day").note.endswith("Questions by people alone.")


def test_quality_without_anything_to_compare_with_says_what_is_missing():
    bucket = Bucket(QualityPoint(0.0, 3, 0.5, 0.0), False)
    window = RuleWindow(RULES["grounded"], (bucket,), 60, Sample(3, 0.5, 0.0), None, None, before=False)
    tile = quality_tile([window], pace(QUIET), "day")
    assert (tile.value, tile.tone) == ("No comparison yet", "quiet")
    assert tile.note == "1 rule scores answers. The 24 hours before had too few to compare with."


def test_tiles_lead_to_what_they_tell_of():
    failed, none_failed = failed_tile(pace(Stretch(9, 2, 1.0)), "day"), failed_tile(pace(Stretch(9, 0, 1.0)), "day")
    assert failed.query["outcome"] == "failed"
    assert dict(failed.query) == {**none_failed.query, "outcome": "failed"}
    assert quality_tile([], pace(QUIET, whose="runs"), "day").query["asked_by"] == "people"


@pytest.mark.parametrize("tile", [failed_tile, p95_tile])
def test_where_people_asked_nothing_it_is_said_how_many_others_did(tile):
    assert tile(pace(QUIET, others=60), "day").note == "No question by people in the last 24 hours; 60 by others."
    assert tile(pace(QUIET), "day").note == "No question by people in the last 24 hours."
    assert tile(pace(QUIET, whose="everyone"), "day").note == "Nothing was asked in the last 24 hours."


def test_readiness_names_the_part_that_is_not():
    assert ready_tile(None).value == "Looking …"
    assert ready_tile({"backend": None, "store": None}).tone == "good"
    assert "store: gone" in ready_tile({"backend": None, "store": "gone"}).note


def test_no_rule_is_not_called_well():
    assert alerts_tile([], 0).tone == "quiet"
    assert alerts_tile([], 2).tone == "good"
    assert alerts_tile([], 2, " (1 can never raise an alert)").tone == "warn"
    assert alerts_tile([], 0).query == {"part": "alerts"}


def run(run_id: str, name: str, right: float) -> StoredRun:
    figures = {"correct": right, "low": right - 0.1, "high": right + 0.1}
    about = {"name": name, "questions": 50, "backend": "local/embedded", "top_k": 5, "figures": figures}
    return StoredRun(run_id, float(ord(run_id)), "finished", about, 50)


def test_the_last_run_is_held_against_the_one_before_on_the_same_questions():
    tile = run_tile([run("c", "mine", 0.7), run("b", "other", 0.1), run("a", "mine", 0.6)])
    assert tile is not None
    assert tile.value == "70.0 % right"
    assert "+10.0 points" in tile.note
    assert tile.tone == "quiet", "whether it may ship is said where the tile leads"
    assert tile.query == {"run": "a", "with": "c"}
    assert run_tile([]) is None


def test_the_last_runs_tile_rounds_as_the_comparison_that_it_leads_to() -> None:
    """74 of 80 against 73 of 80: as floats their difference lies a little above 1.25 points, which the pages write as +1.2."""
    tile = run_tile([run("b", "mine", 74 / 80), run("a", "mine", 73 / 80)])
    assert tile is not None
    assert tile.value == "92.5 % right"
    assert f"{points(1 / 80)} points" in tile.note


def test_the_verdict_stands_in_place_of_where_to_find_it() -> None:
    runs = [run("b", "mine", 0.7), run("a", "mine", 0.6)]
    tile = run_tile(runs, Verdict("May the newer run take the older one’s place? Yes.", "good"))
    assert tile is not None
    assert tile.note.endswith("+10.0 points against the run before. May the newer run take the older one’s place? Yes.")
    assert tile.tone == "good"
    told = run_tile(runs)
    assert told is not None
    assert told.note.endswith("open both to see whether that is chance.")


def test_the_pair_of_the_verdict_is_of_runs_with_a_figure() -> None:
    newest, other, before = run("c", "mine", 0.7), run("b", "other", 0.1), run("a", "mine", 0.6)
    assert last_pair([newest, other, before]) == (before, newest)
    assert last_pair([newest, other]) is None
    assert last_pair([replace(newest, status="running"), before]) is None
    assert last_pair([]) is None


@pytest.mark.parametrize(("wrong", "answer", "tone"), [(1, "Yes", "good"), (30, "No", "bad")])
def test_a_verdict_is_the_first_line_of_the_page_of_two_runs(wrong: int, answer: str, tone: str) -> None:
    first, second = ((run(name, "mine", 0.9), scored(name, bad)) for name, bad in (("a", 1), ("b", wrong)))
    found = verdict_of(compare_stored(first, second))
    assert found == Verdict(f"May the newer run take the older one’s place? {answer}.", tone)


def alarm(name: str, state: str) -> Alarm:
    return Alarm(name, state, "", None, "")  # type: ignore[arg-type]


def test_cloudwatchs_alarms_are_counted_and_named_beside_our_own() -> None:
    there = Elsewhere([alarm("raglass-late", "ALARM"), alarm("raglass-idle", "OK")])
    ours = StoredAlert("a1", "slow", "open", 0.0, None, 2.0, {})
    both, theirs = alerts_tile([ours], 1, "", there), alerts_tile([], 0, "", there)
    assert (both.value, both.note) == ("2 open", "slow and raglass-late (CloudWatch)")
    assert (theirs.value, theirs.note, theirs.tone) == ("1 open", "raglass-late (CloudWatch)", "bad")
    quiet = alerts_tile([], 2, "", Elsewhere([alarm("raglass-idle", "OK")]))
    assert (quiet.value, quiet.tone) == ("None open", "good")
    assert quiet.note.endswith("CloudWatch has 1 alarm.")


def test_alarms_that_cannot_be_read_are_not_called_well() -> None:
    ours = StoredAlert("a1", "slow", "open", 0.0, None, 2.0, {})
    for tile in (alerts_tile([], 0, "", Elsewhere(unread=True)), alerts_tile([], 2, "", Elsewhere(unread=True))):
        assert tile.tone == "warn"
        assert tile.note.endswith(". CloudWatch’s alarms cannot be read; Live says why.")
    assert alerts_tile([ours], 1, "", Elsewhere(unread=True)).note.startswith("slow. CloudWatch’s alarms cannot")


def checked(*drifted: bool) -> QuestionDrift:
    stretch = Asked("window", 20, 0.0, 60.0)
    windows = tuple(
        MeasuredWindow(stretch, WindowDrift("window", 20, 0.1, 0.5, 0.01 if each else 0.9, None, None, None, None))
        for each in drifted
    )
    return QuestionDrift("fake", "fake", 0, stretch, windows, 0.1)


def test_where_no_rule_watches_drift_the_last_check_is_told() -> None:
    [drifting] = concern_tiles([], [], [], False, checked(False, True))
    assert (drifting.value, drifting.tone, drifting.page) == ("drifting", "warn", "stability")
    assert drifting.note.startswith("1 of 2 windows drifted of questions to fake until 1970-01-01 00:01:00 UTC")
    assert concern_tiles([], [], [], False, checked(False)) == []  # nothing that needs a look
    assert concern_tiles([], [], [], False, None) == []


def test_a_rule_of_drift_is_told_from_others() -> None:
    assert watches_drift([Rule("late", "latency_p95", 1.0, "above"), Rule("others", "drift", 0.05, "below", "fake")])
    assert not watches_drift([Rule("late", "latency_p95", 1.0, "above")])
