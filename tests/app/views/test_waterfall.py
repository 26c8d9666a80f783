"""What the browser is sent of a waterfall adds up, says in words what it shows, and is placed on one axis."""

from dataclasses import replace

import pytest

from app.traces.tree import View
from app.views.kit.style import KIND_COLOURS, STAGE_COLOURS, span_colour
from app.views.traces.parts import waterfall_note
from app.views.traces.waterfall import Axis, axis_of, rows_of, said_of, time_of
from pipeline.spans import SPAN_KINDS
from pipeline.types import Failure, Span
from tests.factories import make_trace
from tests.trees import make_foreign_trace


def rows(trace):
    return rows_of(trace, trace.tree, View({}))


def test_stages_and_unaccounted_time_add_up_to_the_total():
    trace = make_trace()
    assert sum(row.duration_ms for row in rows(trace)) == pytest.approx(trace.duration_ms)
    assert rows(trace)[-1].label == "unaccounted"
    assert rows(make_foreign_trace())[-1].label != "unaccounted"


def test_a_row_says_what_it_took_and_how_it_ended():
    spans = (
        Span("network", 0, 100),
        Span("gateway", 10, 80, parent_id="network"),
        Span("generate", 20, 50, {"cached": True}, Failure("Timeout", "late", "generate"), parent_id="gateway"),
        Span("log", 60, 5, parent_id="gateway"),
    )
    network, gateway, generate, *_ = rows(replace(make_trace(), spans=spans, duration_ms=100.0))
    assert time_of(network) == "100 ms · own 20.0 ms"
    assert time_of(gateway) == "80.0 ms · own 30.0 ms"
    assert time_of(generate) == "50.0 ms · 50 %"
    assert said_of(generate) == (
        "generate, llm, from 20.0 ms, 50.0 ms, own 50.0 ms, 50 % of the whole, failed, cached, on the critical path"
    )
    assert "error inside" in said_of(network)


def test_a_trace_without_stages_has_only_what_is_unaccounted():
    assert [row.label for row in rows(replace(make_trace(), spans=(), duration_ms=0.0))] == ["unaccounted"]


def test_bars_lie_within_the_axis_whatever_the_clocks_say():
    trace = make_trace(spans=(Span("embed", -20, 30), Span("generate", 10, 300)), duration_ms=100.0)
    axis = axis_of(trace, 200.0)
    assert axis == Axis(-20, 310)
    assert axis_of(make_trace(), 200.0) == Axis(0, 200)
    assert axis.place(-20, 310) == (0.0, 1.0)
    assert Axis(0, 100).place(90, 500) == (0.9, pytest.approx(0.1))
    assert Axis(0, 0).place(0, 0) == (0.0, 0.0)


def test_every_kind_has_a_colour_and_stages_keep_theirs():
    assert set(KIND_COLOURS) == set(SPAN_KINDS)
    assert span_colour("", "retriever") == STAGE_COLOURS["retrieve"]
    assert span_colour("gateway", "chain") == STAGE_COLOURS["gateway"]
    assert span_colour("", "chain") == KIND_COLOURS["chain"]
    assert len(set(KIND_COLOURS.values())) == len(KIND_COLOURS)


def test_note_of_a_waterfall_explains_nesting_where_there_is_any():
    nested = replace(make_trace(), spans=(Span("network", 0, 30), Span("gateway", 5, 20, parent_id="network")))
    assert "ran within it" in waterfall_note(make_trace(), nested)
    assert "ran within it" not in waterfall_note(make_trace())
