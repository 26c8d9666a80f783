"""Rules: what can be, how people write bounds and times, and how they are said."""

from collections.abc import Callable

import pytest

from app.alerting.readers import AbstentionReader, DriftReader, StageReader, quality_reader
from app.alerting.rules import (
    Rule,
    amount_words,
    beyond_reach,
    duration_words,
    make_rule,
    parse_amount,
    parse_duration,
    read_rules,
    rule_words,
    value_words,
)
from app.alerting.series import Series, Side, Unit
from app.quality.rules import RULES
from metrics.alerts import StoredRule
from pipeline.errors import InputError

LATENCY = StageReader(lambda: None).series()[1]  # type: ignore[arg-type,return-value]
ABSTAINED = AbstentionReader(lambda: None).series()[0]  # type: ignore[arg-type,return-value]


DRIFT = DriftReader(lambda _: []).series()[0]
QUALITY = {each.name: each for each in quality_reader(RULES.values(), lambda *_: []).series()}


@pytest.mark.parametrize(
    ("series", "bound", "side", "said"),
    [
        (ABSTAINED, "100 %", "above", "It can never raise an alert: share of abstentions is never above 100 %."),
        (ABSTAINED, "99 %", "above", ""),
        (ABSTAINED, "0", "below", "It can never raise an alert: share of abstentions is never below 0 %."),
        (LATENCY, "0", "below", "It can never raise an alert: p95 latency is never below 0 ms."),
        (LATENCY, "1000 min", "above", ""),
        (DRIFT, "2", "above", "It can never raise an alert: drift of questions (corrected p) is never above 1.00."),
        (
            QUALITY["quality.grounded"],
            "1.5",
            "above",
            "It can never raise an alert: grounded share is never above 1.00.",
        ),
        (QUALITY["quality.grounded"], "0.5", "below", ""),
        (QUALITY["quality.answer_words"], "900", "above", ""),
        (QUALITY["quality.top_score"], "7", "above", ""),
    ],
)
def test_a_bound_that_no_value_can_be_beyond_is_said(series: Series, bound: str, side: Side, said: str) -> None:
    assert beyond_reach(make_rule("x", series, bound, side=side), series) == said


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("2000", "ms", 2_000),
        ("2 s", "ms", 2_000),
        ("1.5min", "ms", 90_000),
        ("1,500 MS", "ms", 1_500),
        ("5 %", "share", 0.05),
        ("0.05", "share", 0.05),
        ("$3", "usd", 3),
        ("-0.5", "number", -0.5),
    ],
)
def test_bounds_are_read_as_people_write_them(text: str, unit: Unit, value: float) -> None:
    assert parse_amount(text, unit) == pytest.approx(value)
    assert parse_amount(amount_words(value, unit), unit) == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize(
    ("text", "unit"), [("", "ms"), ("5 %", "ms"), ("2 s", "share"), ("1.2.3", "usd"), ("x", "number")]
)
def test_what_is_no_bound_is_refused(text: str, unit: Unit) -> None:
    with pytest.raises(InputError, match="The bound is"):
        parse_amount(text, unit)


@pytest.mark.parametrize(("text", "seconds"), [("5", 300), ("5m", 300), ("90s", 90), (" 2 H ", 7_200), ("1d", 86_400)])
def test_durations_are_read(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "-5m", "5 weeks", "1.5h"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="The duration is"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "words"), [(45, "45 s"), (300, "5 min"), (7_800, "2 h 10 min"), (3 * 86_400, "3 d")]
)
def test_durations_are_said(seconds: float, words: str) -> None:
    assert duration_words(seconds) == words


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Rule("x", "s", float("nan"), "above"), "finite"),
        (lambda: Rule("x", "s", 1.0, "above", window_s=90), "window is 90 s"),
        (lambda: Rule("x", "s", 1.0, "above", window_s=0), "window is 0 s"),
        (lambda: Rule("x", "s", 1.0, "above", for_s=90_000), "90000 s"),
        (lambda: Rule("x", "s", 1.0, "above", minimum=0), "At least 0"),
        (lambda: Rule("x", "s", 1.0, "above", clear=2.0), "cannot end at 2"),
        (lambda: Rule("x", "s", 1.0, "beside"), "above or below"),  # type: ignore[arg-type]
        (lambda: make_rule(" ", LATENCY, "2 s"), "no name"),
        (lambda: make_rule("x", ABSTAINED, "5 %", stage="embed"), "not counted by stage"),
        (lambda: Rule.from_dict("x", {"series": "s"}), "cannot be read"),
    ],
)
def test_rules_that_cannot_be_are_refused(make: Callable[[], Rule], said: str) -> None:
    with pytest.raises(InputError, match=said):
        make()


def test_rule_is_what_was_given_and_else_the_series_own() -> None:
    made = make_rule("slow", LATENCY, "2 s", stage="generate", backend="fake", minimum=None, window_s=600)
    assert made == Rule("slow", "latency_p95", 2_000.0, "above", "fake", "generate", 600, 300, 20)
    assert Rule.from_dict("slow", {**made.to_dict(), "of a newer one": 1}) == made
    words = rule_words(made, LATENCY)
    assert words == "p95 latency of generate of fake, over 10 min: above 2.00 s, for 5 min; of at least 20"


def test_series_over_all_backends_takes_none() -> None:
    everywhere = Series("quality.grounded", "Grounded", "share", "below", by_backend=False)
    assert make_rule("x", everywhere, "50 %", backend="fake").backend == ""


def test_an_alert_ends_a_tenth_from_its_bound_unless_said() -> None:
    assert Rule("x", "s", 100.0, "above").ends_at == 90.0
    assert Rule("x", "s", 0.5, "below").ends_at == pytest.approx(0.55)
    assert Rule("x", "s", -10.0, "above").ends_at == -11.0
    assert Rule("x", "s", 100.0, "above", clear=50.0).verdict(70.0, 20) == "between"


def test_unreadable_rules_of_the_store_are_left_out() -> None:
    good = Rule("good", "errors", 0.1, "above")
    stored = [StoredRule("bad", {"series": "x", "threshold": "?"}, 0.0), StoredRule("good", good.to_dict(), 0.0)]
    assert read_rules(stored) == [good]


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [(1_500.0, "ms", "1.50 s"), (0.05, "share", "5.00 %"), (3.2, "usd", "3.20 USD"), (None, "ms", "unknown")],
)
def test_values_are_said_in_their_units(value: float | None, unit: Unit, words: str) -> None:
    assert value_words(value, unit) == words
