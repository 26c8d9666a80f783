"""Fronts and recommendations against their definitions; intervals against closed forms."""

import numpy as np
import pytest

from evaluation.lab.index_fronts import Point, find_front, first_places, recall_figure, recommend, share_figure


def test_front_is_what_no_other_setting_beats() -> None:
    random = np.random.default_rng(0)
    for _ in range(20):
        points = [Point(ms, recall, None) for ms, recall in random.integers(1, 12, (30, 2)).astype(float)]

        def is_beaten(place: int, points: list[Point] = points) -> bool:
            mine = points[place]
            return any(
                other.ms <= mine.ms
                and other.recall >= mine.recall
                and (other.ms, other.recall) != (mine.ms, mine.recall)
                for other in points
            )

        front = find_front(points)
        expected = {(points[place].ms, points[place].recall) for place in range(30) if not is_beaten(place)}
        assert [(points[place].ms, points[place].recall) for place in front] == sorted(expected)


def test_quickest_whose_lower_limit_is_enough_is_recommended() -> None:
    points = [
        Point(9.0, 1.0, 1.0),
        Point(1.0, 0.999, 0.98),  # quick, but not surely enough
        Point(2.0, 0.995, 0.99, usable=False),
        Point(3.0, 0.995, 0.99),
        Point(0.5, 1.0, None),
    ]
    assert recommend(points) == 3
    assert recommend([points[1]]) is None
    assert recommend([]) is None


def test_nothing_missed_leaves_clopper_and_pearsons_limit_of_as_many_neighbours() -> None:
    figure = recall_figure([str(n) for n in range(30)], np.ones(30), 10)
    assert (figure.value, figure.high) == (1, 1)
    assert figure.low == pytest.approx(0.025 ** (1 / 300))  # all of 300, two-sided 95 %


def test_one_miss_is_not_thought_better_than_none() -> None:
    clusters = [str(n) for n in range(300)]
    one = np.ones(300)
    one[7] = 0.9
    none_missed, one_missed = recall_figure(clusters, np.ones(300), 10), recall_figure(clusters, one, 10)
    assert (one_missed.low or 1) <= (none_missed.low or 0) + 1e-3


def test_interval_widens_where_questions_are_about_few_documents() -> None:
    values = np.repeat(np.random.default_rng(1).random(20), 10)
    alone = recall_figure([str(n) for n in range(200)], values, 10)
    together = recall_figure([str(n // 10) for n in range(200)], values, 10)
    widths = [each.high - each.low for each in (alone, together) if each.high is not None and each.low is not None]
    assert widths[1] == pytest.approx(widths[0] * np.sqrt(10), rel=0.2)  # ten alike count as one


def test_few_documents_have_no_interval_and_no_values_no_figure() -> None:
    assert recall_figure(["a"] * 50, np.ones(50), 10).low is None
    assert share_figure([], np.array([])) is None


def test_share_of_all_keeps_the_limit_of_as_many_documents() -> None:
    figure = share_figure([str(n // 2) for n in range(40)], np.ones(40))
    assert figure is not None
    assert figure.low == pytest.approx(0.025 ** (1 / 20))  # Clopper and Pearson, 20 of 20 documents


def test_first_gold_place_counts_from_one_and_zero_is_none() -> None:
    ids = np.array([[5, 3, 9], [1, 2, -1], [4, 4, 4]])
    places = first_places(ids, [frozenset({9, 3}), frozenset({7}), frozenset({4})])
    assert places.tolist() == [2, 0, 1]
