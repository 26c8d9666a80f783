"""Ticks of an axis of time: UTC, and below it the time of whoever looks."""

from app.kit.clock import Clock, find_zone
from app.views.kit.clock import time_ticks

FOUR = 1_757_001_600  # 2025-09-04 16:00 UTC


def test_the_first_tick_says_which_line_is_utc_and_which_is_theirs():
    _, words = time_ticks(FOUR, FOUR + 7_200, Clock(find_zone("Europe/Berlin")), 2)
    assert words == ["16:00 UTC<br>18:00 UTC+2", "17:00<br>19:00", "18:00<br>20:00"]


def test_ticks_of_who_lives_by_utc_are_plain():
    _, words = time_ticks(FOUR, FOUR + 7_200, Clock(find_zone("UTC")), 2)
    assert words == ["16:00", "17:00", "18:00"]
