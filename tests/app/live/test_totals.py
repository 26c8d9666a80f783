"""Live's gauges: coloured by the bounds of rules and by the window before, and silent about what too few questions say."""

import pytest

from app.live.answers import make_answers
from app.live.log_lines import read_line, read_lines
from app.live.totals import Totals, make_gauges
from metrics.logs import LogLine
from metrics.outcomes import Ends
from metrics.series import Window

BEFORE = Totals(100, 2, 1_000.0, Ends(100, 2, 10, 100, 80.0))


def gauges(now: Totals, bounds=None, before: Totals = BEFORE):
    return {gauge.name: gauge for gauge in make_gauges(now, before, bounds or {})}


@pytest.mark.parametrize(
    ("p95_ms", "bounds", "tone"),
    [
        (1_200.0, {}, "good"),
        (1_300.0, {}, "warn"),
        (1_300.0, {"p95": 1_250.0}, "bad"),
        (1_200.0, {"p95": 1_250.0}, "good"),
    ],
)
def test_p95_is_bad_beyond_a_rule_and_amber_a_quarter_above_before(p95_ms, bounds, tone):
    assert gauges(Totals(100, 0, p95_ms), bounds)["p95"].tone == tone


@pytest.mark.parametrize(("failed", "tone"), [(0, "good"), (1, "warn"), (6, "bad")])
def test_failures_are_amber_above_none_and_bad_above_a_twentieth(failed, tone):
    assert gauges(Totals(100, failed, 1.0))["Failed"].tone == tone


def test_changes_are_told_with_what_was_before():
    found = gauges(Totals(400, 30, 1_500.0, Ends(400, 30, 90, 400, 300.0)))
    assert {name: gauge.change for name, gauge in found.items()} == {
        "Questions": "+4.00 times, was 100",
        "Failed": "+5.5, was 2.00 %",
        "p95": "+50 %, was 1.00 s",
        "Abstained": "+12.5, was 10 %",
        "Confidence": "−5.0, was 80 %",
    }
    assert found["Abstained"].tone == "warn"


def test_of_a_few_questions_no_change_is_told():
    found = gauges(Totals(5, 0, 9_000.0))
    assert (found["p95"].change, found["p95"].tone) == ("", "quiet")


def test_answers_are_summed_in_stretches_of_whole_periods():
    window = Window(0, 100 * 60, 60)
    found = make_answers(window, {0: Ends(4, 0, 1, 4, 2.0)}, [(179.0, 1), (180.0, -1)])
    assert (found.step_s, len(found.stretches)) == (180, 34)
    assert [(each.up, each.down) for each in found.stretches[:2]] == [(1, 0), (0, 1)]
    assert found.title == "25 % abstained, confidence 50 % on average; 1 rated up and 1 down"


@pytest.mark.parametrize(
    ("message", "level", "trace"),
    [
        ('{"level": "WARNING", "trace_id": "' + "a" * 32 + '"}', "warning", "a" * 32),
        ('{"level": "info", "message": "no ERROR here"}', "info", ""),
        ("[ERROR] 2026 " + "b" * 32 + " failed", "error", "b" * 32),
        ("Task timed out after 30 s", "error", ""),
        ("START RequestId", "info", ""),
        ("[" * 100_000, "info", ""),
    ],
)
def test_a_log_line_tells_its_level_and_its_trace(message, level, trace):
    read = read_line(LogLine(1.0, "/aws/lambda/raglass-orchestrator", message))
    assert (read.level, read.trace_id, read.part, read.text) == (level, trace, "raglass-orchestrator", message)


def test_only_lines_as_serious_as_wanted_are_listed():
    lines = [LogLine(1.0, "g", f"{word} x") for word in ("ERROR", "WARN", "INFO")]
    assert [len(read_lines(lines, shown)) for shown in ("all", "warnings", "errors")] == [3, 2, 1]
