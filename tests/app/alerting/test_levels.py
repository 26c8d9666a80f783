"""Bounds of rules as lines of a chart."""

from app.alerting.levels import Bound, Level, bounds_of


def test_bounds_at_one_height_are_one_line_that_names_every_rule():
    levels = [
        Level("slow", "latency_p95", 2_000.0),
        Level("late", "latency_p95", 2_000.0),
        Level("slowest", "latency_p99", 2_000.0),
        Level("usual", "latency_p50", 500.0),
    ]
    assert bounds_of(levels) == [
        Bound(500.0, "usual: p50"),
        Bound(2_000.0, "slow and late: p95, slowest: p99"),
    ]
