"""When alerts are raised and end: what holds, what flaps, what is too little."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.alerting.judging import QUIET_S, needed_s, replay, turn
from app.alerting.rules import Rule
from app.alerting.series import Grid, Point, slide

RULE = Rule("slow", "latency_p95", 100.0, "above", window_s=60, for_s=180, minimum=5)
BAD, BETWEEN, FINE = 101.0, 95.0, 90.0


def points(*values: float | None, count: int = 5) -> list[Point]:
    """Points a minute apart."""
    return [Point(60 * place, value, count) for place, value in enumerate(values, start=1)]


def test_alert_is_raised_once_it_has_held() -> None:
    assert turn(RULE, points(FINE, BAD, BAD, BAD, BAD), is_open=False) == "raise"
    assert turn(RULE, points(BAD, FINE, BAD, BAD, BAD), is_open=False) == ""


def test_alert_ends_once_it_was_fine_for_as_long() -> None:
    assert turn(RULE, points(BAD, FINE, FINE, FINE, FINE), is_open=True) == "end"
    assert turn(RULE, points(BAD, FINE, FINE, BETWEEN, FINE), is_open=True) == ""


@pytest.mark.parametrize("is_open", [True, False])
def test_too_few_traces_change_nothing(is_open: bool) -> None:
    assert turn(RULE, points(BAD, BAD, BAD, BAD, count=4), is_open=False) == ""
    assert turn(RULE, points(FINE, None, FINE, FINE), is_open=is_open) == ""


def test_alert_of_which_nothing_is_measured_ends_after_an_hour() -> None:
    quiet = [Point(60 * minute, None, 0) for minute in range(1, QUIET_S // 60 + 2)]
    assert turn(RULE, quiet, is_open=True) == "quiet"
    assert turn(RULE, [replace(quiet[0], value=BAD, count=9), *quiet[1:]], is_open=True) == ""


@pytest.mark.slow
@given(st.lists(st.sampled_from([BAD, FINE]), min_size=40, max_size=200))
def test_flapping_raises_no_storm(values: list[float]) -> None:
    """Whatever the values do, two alerts begin at least two holding times apart."""
    raised = [each.raised_s for each in replay(RULE, points(*values), 0)]
    assert all(later - earlier >= 2 * RULE.for_s for earlier, later in pairwise(raised))


def test_value_that_changes_with_every_look_raises_nothing() -> None:
    assert replay(RULE, points(*[BAD, FINE] * 200), 0) == []


def test_replay_tells_when_it_began_was_raised_and_ended_and_its_worst() -> None:
    values = [FINE] * 10 + [BAD, 300.0, BAD, BAD, BAD] + [FINE] * 10
    [episode] = replay(RULE, points(*values), 0)
    assert (episode.began_s, episode.raised_s, episode.ended_s) == (60 * 11, 60 * 14, 60 * 19)
    assert episode.worst == BAD
    [still] = replay(replace(RULE, for_s=0), points(FINE, 300.0, BAD), 0)
    assert (still.ended_s, still.worst) == (None, 300.0)


def test_replay_leaves_out_what_was_before() -> None:
    values = [BAD] * 5 + [FINE] * 10
    assert replay(RULE, points(*values), 60 * 10) == []


def test_a_low_value_can_be_the_bad_one() -> None:
    rule = Rule("ungrounded", "grounded", 0.5, "below", for_s=0, minimum=1)
    assert [rule.verdict(value, 1) for value in (0.49, 0.5, 0.54, 0.55)] == ["bad", "between", "between", "fine"]
    [episode] = replay(rule, points(0.9, 0.4, 0.3, 0.45, 0.9), 0)
    assert (episode.worst, episode.ended_s) == (0.3, 300.0)


def test_live_and_preview_look_at_as_much() -> None:
    assert needed_s(RULE) == QUIET_S
    assert needed_s(replace(RULE, for_s=2 * QUIET_S)) == 2 * QUIET_S


def test_grid_ends_with_the_running_minute() -> None:
    grid = Grid.ending(1_000_030.0, 120, 300)
    assert grid.ends == (999_960, 1_000_020, 1_000_080)
    assert Grid.ending(1_000_030.0, 0, 300).ends == (1_000_080,)


def test_means_and_sums_slide_over_what_was_measured() -> None:
    parts = {0: (10.0, 2), 60: (5.0, 1), 180: (7.0, 1)}
    grid = Grid((60, 120, 180, 240, 300), 120)
    assert [(point.value, point.count) for point in slide(parts, grid)] == [(5, 2), (5, 3), (5, 1), (7, 1), (7, 1)]
    assert [point.value for point in slide(parts, grid, total=True)] == [10, 15, 5, 7, 7]
    assert slide({}, grid)[0].value is None
