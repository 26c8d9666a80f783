"""Charts of the factorial: titles say what is seen, and text from a plan is no markup."""

from dataclasses import replace
from typing import Any

import pytest

from app.lab.records import LabRecord
from app.views.kit import style
from app.views.lab.study import KINDS, charts, error_chart, level_chart, pair_chart, share_chart


@pytest.fixture(autouse=True)
def dark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(style, "ink", lambda: "#ffffff")
    monkeypatch.setattr("app.views.kit.interval_plot.ink", lambda: "#ffffff")


FOUND: dict[str, Any] = {
    "factors": {
        "top_k": {"value": 0.12, "low": 0.05, "high": 0.2},
        "index": {"value": -0.001, "low": -0.01, "high": 0.01},
    },
    "pairs": [{"first": "top_k", "second": "index", "value": 0.02, "low": 0.0, "high": 0.05}],
    "question": {"value": 0.5, "low": 0.4, "high": 0.6},
    "levels": [
        {"factor": "top_k", "level": "1", "mean": 0.4, "difference": -0.1, "low": -0.2, "high": 0.0},
        {"factor": "top_k", "level": "<b>8", "mean": 0.6, "difference": 0.2, "low": 0.1, "high": 0.3},
    ],
}


def test_shares_stand_in_order_under_what_they_say() -> None:
    figure = share_chart("right", FOUND)
    assert figure.layout.title.text == (
        "Right answers: top_k accounts for 12.0 % of the variance, the question itself for 50.0 %"
    )
    assert figure.layout.yaxis.ticktext == ("top_k", "top_k × index", "index")
    assert figure.data[0].x == (0.12, 0.02, -0.001)


def test_levels_are_drawn_with_their_limits_and_no_markup() -> None:
    figure = level_chart("right", FOUND, percent=True)
    assert figure.layout.yaxis.ticktext == ("top_k 1", "top_k ‹b›8")
    assert figure.data[0].error_x.array == pytest.approx((0.1, 0.1))
    assert "‹b›8" in figure.layout.title.text


def test_pair_has_a_line_for_each_level_and_a_gap_where_no_cell_is() -> None:
    pair = {
        "first": "index",
        "second": "top_k",
        "first_levels": ["exact", "ivf"],
        "second_levels": ["1", "8"],
        "means": [[0.4, 0.6], [None, 0.5]],
    }
    figure = pair_chart("right", pair, percent=True)
    assert [line.name for line in figure.data] == ["index exact", "index ivf"]
    assert figure.data[1].y == (None, 0.5)


def test_errors_are_bars_that_leave_out_what_is_right() -> None:
    kinds = {"not_retrieved": 0.1, "misread": 0.05, "abstained": 0.0, "made_up": 0.0, "failed": 0.0}
    figure = error_chart([{"cell": "a", "right": 0.85, **kinds}, {"cell": "b", "right": 0.9, **kinds}])
    assert figure.layout.title.text == "Most errors are made with a: 15.0 % of questions"
    assert [bar.name for bar in figure.data] == ["not retrieved", "misread", "abstained", "made up", "failed"]


def test_a_report_shows_what_each_outcome_is_accounted_for_by_and_the_errors() -> None:
    errors = [{"cell": "top_k 1", **dict.fromkeys(KINDS, 0.1)}]
    result = {"outcomes": {"right": FOUND, "f1": {"why_not": "No."}}, "errors": errors}
    record = LabRecord("00000000", "study", {}, 0.0, result=result)
    titles = [figure.layout.title.text for figure in charts(record)]
    assert titles[0] == share_chart("right", FOUND).layout.title.text
    assert len(titles) == 3
    assert charts(replace(record, result=None)) == []
