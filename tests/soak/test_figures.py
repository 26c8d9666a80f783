import math

import pytest

from tests.soak.figures import Slope, quantile, slope_of

EVERY_S = 5.0
TIMES = [place * EVERY_S for place in range(720)]


def test_what_grows_evenly_has_its_slope_an_hour() -> None:
    found = slope_of(TIMES, [300.0 + 40.0 * time_s / 3600 for time_s in TIMES])
    assert found is not None
    assert found.per_hour == pytest.approx(40.0)
    assert found.low == pytest.approx(40.0)
    assert found.high == pytest.approx(40.0)


def test_a_sixth_of_the_time_with_work_of_its_own_does_not_tilt_it() -> None:
    values = [300.0 + (900.0 if 2400 <= time_s < 3000 else 0.0) for time_s in TIMES]
    found = slope_of(TIMES, values)
    assert found is not None
    assert found.per_hour == 0.0


def test_a_saw_that_comes_back_is_no_growth_and_its_interval_says_how_far_that_is_known() -> None:
    found = slope_of(TIMES, [300.0 + (time_s % 700) / 100 for time_s in TIMES])
    assert found is not None
    assert found.low <= 0.0 <= found.high
    assert found.high - found.low > 0.1


def test_nothing_is_said_of_a_few_samples() -> None:
    assert slope_of(TIMES[:5], [1.0] * 5) is None
    assert slope_of([0.0, 1.0, 2.0, 3.0, 4.0, 900.0], [1.0] * 6) is None


def test_an_aim_is_held_missed_or_open_by_the_interval() -> None:
    assert Slope(0.5, 0.1, 1.0).verdict(1.0) == "held"
    assert Slope(0.5, 0.1, 1.1).verdict(1.0) == "open"
    assert Slope(2.0, 1.1, math.inf).verdict(1.0) == "NOT HELD"


def test_a_slope_of_all_is_shared_among_them() -> None:
    assert Slope(50.0, 25.0, 100.0).times(1 / 50) == Slope(1.0, 0.5, 2.0)


@pytest.mark.parametrize(("share", "expected"), [(0.5, 10), (0.95, 19), (0.951, 20), (1.0, 20)])
def test_quantile_is_a_value_that_was_measured(share: float, expected: int) -> None:
    assert quantile([float(value) for value in range(20, 0, -1)], share) == expected


def test_of_one_value_every_quantile_is_that_value() -> None:
    assert quantile([7.0], 0.01) == quantile([7.0], 1.0) == 7.0
