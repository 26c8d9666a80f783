"""Runs and calibrations as plain text."""

import json
from dataclasses import replace

import pytest

from app.kit.costs import Spent
from app.kit.plain import WIDTH
from app.runs.measure_names import NAMES
from app.runs.words import (
    about_words,
    calibration_text,
    measure_words,
    progress_words,
    run_text,
    runs_text,
    summaries_to_dict,
)
from evaluation.runner import RunProgress
from evaluation.summary import MEASURES, Measure, summarise
from explain.calibration import ReliabilityBin
from metrics.runs import StoredRun
from metrics.token_costs import TokenUse
from tests.app.explaining.test_sureness import FOUND
from tests.evaluation.labelled import make_scored

ABOUT = {
    "name": "questions.csv",
    "backend": "local/embedded",
    "questions": 1_200,
    "top_k": 5,
    "limit": None,
    "seed": 7,
    "rerank": False,
    "problems": [],
}


def make_run(run_id: str = "aaaa1111", **about: object) -> StoredRun:
    return StoredRun(run_id, 1_757_000_000.0, "stopped", {**ABOUT, **about}, 1_050)


@pytest.mark.parametrize(
    ("progress", "words"),
    [
        (RunProgress(0, 650, 0, 0, None), "0 of 650 asked, 0 right"),
        (RunProgress(1_000, 1_200, 900, 0, 20.0), "1,000 of 1,200 asked, 900 right, about 20 s left"),
        (RunProgress(10, 12, 8, 2, 240.0), "10 of 12 asked, 8 right, 2 failed, about 4 min left"),
        (RunProgress(12, 12, 8, 0, 0.0), "12 of 12 asked, 8 right"),
    ],
)
def test_progress_is_a_line(progress: RunProgress, words: str) -> None:
    assert progress_words(progress) == words


def test_run_says_what_was_asked_of_what_and_how() -> None:
    assert about_words(make_run()) == [
        "Run aaaa1111, stopped: 1,050 of 1,200 questions of questions.csv",
        "local/embedded, 5 chunks; started 2025-09-04 15:33:20 UTC",  # 1,757,000,000 s after the epoch
    ]
    drawn = about_words(make_run(limit=1_200, rerank=True, problems=["row 3: it\nis blank", "and 4 more"]))
    assert drawn[0].endswith("questions of questions.csv, drawn with seed 7")
    assert drawn[1].startswith("local/embedded, 5 chunks, reranked; started")
    assert drawn[2] == "Left out of the dataset: row 3: it is blank; and 4 more"


def test_what_a_run_cost_by_the_token_stands_with_what_is_not_known_of_it() -> None:
    spent = Spent((TokenUse("gpt-4o-mini", 6, 1_000_000, 0, 0), TokenUse("house", 1, 5, 5, 0)))
    summaries = summarise([make_scored(n) for n in range(6)])
    [line] = [line for line in run_text(make_run(), summaries, spent).splitlines() if "tokens" in line]
    assert line.endswith("at least $0.15 by list prices of 2025-06, no price is known for “house”.")
    told = summaries_to_dict(make_run(), summaries, spent)["tokens"]
    assert (told["usd"], told["unknown"]) == (pytest.approx(0.15), ["house"])
    assert "token" not in run_text(make_run(), summaries, Spent())


def test_results_have_intervals_and_what_nothing_counts_towards_is_left_out() -> None:
    scores = [
        *(make_scored(n, correct=n % 2 == 0, duration_ms=20.0) for n in range(8)),
        make_scored(8, type="A TYPE WITH A LONG NAME", failed=True, correct=False, duration_ms=20.0),
    ]
    lines = run_text(make_run(), summarise(scores), Spent()).splitlines()
    by_name = {line[2:28].strip(): line[28:] for line in lines if line.startswith("  ")}
    assert by_name["Right"].startswith("0.444 [0.")  # 4 of 9
    assert by_name["Time, ms"] == "20.0 [20.0, 20.0]"
    assert "Right, without one" not in by_name  # every question has one
    assert "  1 question failed, counted as not right." in lines
    assert [line.split()[2:] for line in lines if line.startswith("type")] == [["Right", "F1", "Found"]]
    one, eight = (line for line in lines if line.startswith(("A TYPE", "PERSON")))
    assert one.split()[-6:] == ["0.000", "[—]", "1.000", "[—]", "1.000", "[—]"]
    assert (len(one.split("…")[0]), one[13:18]) == (11, "    1")
    assert eight[13:26] == "    8  0.500 "
    [whole, *_] = summarise(scores)
    assert {NAMES[name] for name in MEASURES if whole.measures[name].questions} <= set(by_name)


@pytest.mark.parametrize(
    ("value", "low", "high", "words"),
    [
        (0.000312, 0.00029, 0.00033, "0.000312 [0.000290, 0.000330]"),
        (0.0, 0.0, 0.0, "0.000 [0.000, 0.000]"),
        (0.5, None, None, "0.500 [—]"),
        (31.04, 28.9, 32.9, "31.0 [28.9, 32.9]"),
        (None, None, None, "—"),
    ],
)
def test_a_figure_is_as_fine_as_it_needs_to_be(
    value: float | None, low: float | None, high: float | None, words: str
) -> None:
    assert measure_words(Measure(value, low, high, 9)) == words


def test_runs_are_a_line_each_within_the_width() -> None:
    assert "raglass eval run --dataset builtin" in runs_text([])
    lines = runs_text([make_run(), make_run("bbbb2222", name="x" * 90 + "\x1b[2J\n")]).splitlines()
    assert lines[0].startswith("aaaa1111  stopped    1,050 of  1,200        — right  questions.csv on ")
    assert lines[1].startswith("bbbb2222  stopped ")
    assert len(lines) == 2
    assert all(len(line) <= WIDTH and line.isprintable() for line in lines)


def test_calibration_shows_what_each_score_is_worth_and_what_came_true() -> None:
    text = calibration_text(replace(FOUND, after=(ReliabilityBin(0.2, 0.5, 12, 0.333, 0.25),)))
    assert text.startswith("Fitted on 40 answers of run aaaa1111, judged on 38 about other articles (fake)\n")
    assert "\nas it is                         0.123   0.200   0.750   0.100\n" in text
    assert text.endswith("\n  0.33  0.25     12")


def test_summaries_survive_json() -> None:
    summaries = summarise([make_scored(n) for n in range(6)])
    data = json.loads(json.dumps(summaries_to_dict(make_run(), summaries, Spent())))
    assert (data["run_id"], data["status"], data["started_at"]) == ("aaaa1111", "stopped", "2025-09-04T15:33:20Z")
    [whole] = data["results"]
    assert whole["measures"]["correct"] == {
        "value": 1.0,
        "low": pytest.approx(0.541, abs=1e-3),
        "high": 1.0,
        "questions": 6,
    }
    assert whole["measures"]["no answer: correct"] == {"value": None, "low": None, "high": None, "questions": 0}
