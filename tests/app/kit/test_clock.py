"""Times are told in UTC, and beside it in the zone of whoever looks."""

import pytest

from app.kit.clock import Clock, find_zone

NOON = 1_757_000_000.0  # 2025-09-04 15:33:20 UTC


def test_local_time_stands_beside_utc_with_the_day_where_it_is_another():
    assert Clock(find_zone("Europe/Berlin")).time(NOON) == "15:33 UTC (17:33 UTC+2)"
    assert Clock(find_zone("Pacific/Auckland")).time(NOON) == "15:33 UTC (05 Sep 03:33 UTC+12)"
    assert Clock(find_zone(None, -330)).time(NOON, days=True) == "04 Sep 15:33 UTC (04 Sep 21:03 UTC+5:30)"


def test_where_both_are_the_same_or_nothing_is_known_utc_stands_alone():
    clocks = [
        Clock(),
        Clock(find_zone("UTC")),
        Clock(find_zone("no such zone")),
        Clock(find_zone("../etc/passwd", 99_999)),
    ]
    assert {clock.time(NOON) for clock in clocks} == {"15:33 UTC"}


@pytest.mark.parametrize(
    ("zone", "offset"),
    [(find_zone("America/St_Johns"), "UTC−2:30"), (find_zone("Asia/Kolkata"), "UTC+5:30"), (None, "UTC")],
)
def test_the_distance_from_utc_is_told_in_hours(zone, offset):
    assert Clock(zone).offset(NOON) == offset
