"""Figures as they are written everywhere."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.kit import numbers


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.00123456, "0.00123"),
        (1.2345, "1.23"),
        (9.996, "10.0"),
        (123.456, "123"),
        (999.6, "1,000"),
        (12_345, "12,300"),
        (-0.5, "−0.500"),
    ],
)
def test_three_significant_figures_without_an_exponent(value: float, text: str) -> None:
    assert numbers.three_figures(value) == text


@given(st.floats(1e-6, 1e9))
@settings(deadline=None)
def test_three_figures_are_within_half_a_percent(value: float) -> None:
    assert float(numbers.three_figures(value).replace(",", "")) == pytest.approx(value, rel=0.0051)


@pytest.mark.parametrize(
    ("value_ms", "text"),
    [
        (0, "0 ms"),
        (36 - 8.1 - 2.2 - 25.7, "0 ms"),  # 3.6e-15 in floating point
        (0.123456, "0.123 ms"),
        (12.34, "12.3 ms"),
        (999.4, "999 ms"),
        (999.6, "1.00 s"),
        (1_234, "1.23 s"),
        (59_940, "59.9 s"),
        (59_960, "1 min 0 s"),
        (119_700, "2 min 0 s"),
        (125_000, "2 min 5 s"),
        (-1_500, "−1.50 s"),
        (-125_000, "−2 min 5 s"),
        (None, "—"),
    ],
)
def test_duration_has_its_unit(value_ms: float, text: str) -> None:
    assert numbers.milliseconds(value_ms) == text


@given(st.floats(0, 1e8))
@settings(deadline=None)
def test_no_duration_has_sixty_seconds_or_a_thousand_milliseconds(value_ms: float) -> None:
    text = numbers.milliseconds(value_ms)
    assert " 60 s" not in f" {text}"
    assert text not in ("60.0 s", "1,000 ms")


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [(71, 100, "71 %"), (1, 3, "33 %"), (5, 0, "0 %"), (0, 9, "0 %"), (1, 300, "less than 1 %")],
)
def test_share(part: float, whole: float, text: str) -> None:
    assert numbers.share(part, whole) == text


@pytest.mark.parametrize(("number", "text"), [(0, "0 chunks"), (1, "1 chunk"), (1_200, "1,200 chunks")])
def test_count_agrees_with_its_noun(number: int, text: str) -> None:
    assert numbers.count(number, "chunk") == text


def test_irregular_plural_is_given() -> None:
    assert numbers.count(2, "query", "queries") == "2 queries"


def test_once_is_a_word() -> None:
    assert [numbers.how_often(number) for number in (1, 2, 1200)] == ["once", "2 times", "1,200 times"]


def test_rough_times_are_no_finer_than_an_estimate_deserves() -> None:
    assert [numbers.rough_time(seconds) for seconds in (0.3, 7.4, 7.5, 24, 89, 90, 260)] == [
        "5 s",
        "5 s",
        "10 s",
        "20 s",
        "90 s",
        "2 min",
        "4 min",
    ]


@pytest.mark.parametrize(
    ("share", "decimals", "text"), [(0.714, 0, "71 %"), (0.0421, 1, "4.2 %"), (1, 0, "100 %"), (None, 0, "—")]
)
def test_percent_has_a_space_and_no_figure_where_there_is_none(share: float | None, decimals: int, text: str) -> None:
    assert numbers.percent(share, decimals) == text


@pytest.mark.parametrize(
    ("change", "text"), [(0.1234, "+0.12"), (-0.04, "−0.04"), (0.0, "0.00"), (-0.001, "0.00"), (None, "—")]
)
def test_a_change_has_its_sign_unless_it_reads_as_nothing(change: float | None, text: str) -> None:
    assert numbers.change_of(change) == text


@pytest.mark.parametrize(("change", "text"), [(0.012, "+1.2"), (-0.004, "−0.4"), (-0.0001, "0.0"), (None, "—")])
def test_a_change_of_a_share_is_in_points(change: float | None, text: str) -> None:
    assert numbers.points(change) == text


@pytest.mark.parametrize(("change_ms", "text"), [(12.34, "+12.3 ms"), (-1_230, "−1.23 s"), (0.0, "0 ms"), (None, "—")])
def test_a_change_of_a_duration_has_sign_and_unit(change_ms: float | None, text: str) -> None:
    assert numbers.milliseconds_change(change_ms) == text


@pytest.mark.parametrize(("value", "text"), [(-0.001, "0.00"), (-0.5, "−0.50"), (1_234.5, "1,234.50"), (None, "—")])
def test_a_fixed_figure_has_a_real_minus_and_no_negative_nothing(value: float | None, text: str) -> None:
    assert numbers.fixed(value) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "$0.00"),
        (0.00421, "$0.0042"),
        (0.5, "$0.50"),
        (9.99, "$9.99"),
        (1_234, "$1,234"),
        (-2, "−$2.00"),
        (None, "—"),
    ],
)
def test_money_keeps_what_is_less_than_a_cent(amount: float | None, text: str) -> None:
    assert numbers.usd(amount) == text


@pytest.mark.parametrize(
    ("number_bytes", "text"),
    [(1, "1 byte"), (9_999, "9,999 bytes"), (10_000, "10 KB"), (2_500_000, "2.50 MB"), (3e9, "3.00 GB")],
)
def test_a_size_has_its_unit(number_bytes: int, text: str) -> None:
    assert numbers.size(number_bytes) == text


def test_figures_keep_their_units_on_their_line() -> None:
    assert numbers.unbroken("2 min 5 s, 3.20 MB, 13:17:08 UTC and 3 minutes").split(" ") == [
        "2\N{NO-BREAK SPACE}min",
        "5\N{NO-BREAK SPACE}s,",
        "3.20\N{NO-BREAK SPACE}MB,",
        "13:17:08\N{NO-BREAK SPACE}UTC",
        "and",
        "3",
        "minutes",
    ]
    assert numbers.unbroken("90.5 % to 100.0 %, 57.3 ms or 2 s of 3 shares") == (
        "90.5\N{NO-BREAK SPACE}% to 100.0\N{NO-BREAK SPACE}%, 57.3\N{NO-BREAK SPACE}ms or 2\N{NO-BREAK SPACE}s of 3 shares"
    )
