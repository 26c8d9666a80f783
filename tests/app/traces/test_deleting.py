"""Ages, and what deleting says."""

import pytest

from app.traces.deleting import done_text, first_lines, parse_age, plan_text
from metrics.forgetting import Forgotten
from metrics.queries import StoredTrace
from pipeline.errors import InputError
from tests.factories import make_trace


@pytest.mark.parametrize(
    ("text", "seconds"), [("90m", 5400), ("12h", 43_200), ("30d", 2_592_000), (" 1.5 w ", 907_200)]
)
def test_ages_are_numbers_with_units(text: str, seconds: float) -> None:
    assert parse_age(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "d", "-3d", "3y", "1e9d", "9999999d", "3 d d"])
def test_what_is_no_age_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="write a number and m, h, d or w"):
        parse_age(text)


def test_what_would_go_and_what_stays_is_said() -> None:
    planned = Forgotten(deleted=1200, run=1, feedback=2, tag=3, freed_bytes=5_430_000)
    assert plan_text(planned).splitlines() == [
        "To delete: 1,200 traces, some 5.43 MB.",
        "Kept: 1 trace, held by a run or a study (--with-runs).",
        "Kept: 2 traces, rated or noted (--with-feedback).",
        "Kept: 3 traces, for a tag (--with-kept).",
    ]
    assert plan_text(Forgotten()) == "No trace meets the conditions."


def test_stopped_deleting_says_how_to_go_on() -> None:
    assert "the same command goes on from there" in done_text(Forgotten(deleted=1, finished=False))
    assert "goes on" not in done_text(Forgotten(deleted=1))


def test_the_first_that_would_go_are_named_with_their_questions() -> None:
    trace = make_trace(question="Who\nfirst? \x1b[31m" + "x" * 100)
    planned = Forgotten(deleted=3, first=(trace.trace_id, "gone"))
    head, line = first_lines(planned, {trace.trace_id: StoredTrace(trace, 0, "", 0.0)}.get)
    assert head == "The oldest 1 of them:"
    assert line.startswith(f"  {trace.trace_id}  ")
    assert "Who first?" in line
    assert "\x1b" not in line
    assert len(line) < 130
    assert (
        first_lines(Forgotten(deleted=1, first=(trace.trace_id,)), lambda _: StoredTrace(trace, 0, "", 0.0))[0]
        == "They are:"
    )
    assert first_lines(Forgotten(), lambda _: None) == []
