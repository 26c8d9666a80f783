"""What a trace adds to the metrics, on the laptop, in the orchestrator and seen from a client of it."""

import math
from typing import Any

from pipeline.measures import Measure, measures_of
from pipeline.types import Failure, Span
from tests.factories import make_chunk, make_failed_trace, make_generation, make_trace

NESTED = (
    Span("network", 0.0, 60.0),
    Span("gateway", 5.0, 50.0, parent_id="network"),
    Span("embed", 5.0, 10.0, parent_id="gateway"),
    Span("generate", 15.0, 30.0, parent_id="gateway"),
)


def by_name_and_stage(measures: list[Measure]) -> dict[tuple[str, str], float]:
    found = {(measure.name, measure.stage): measure.value for measure in measures}
    assert len(found) == len(measures), "something is counted twice"
    return found


def make_nested_trace(**overrides: Any) -> Any:
    return make_trace(**{"backend": "aws", "duration_ms": 60.0, "spans": NESTED, **overrides})


def test_answered_question_adds_latencies_score_and_a_zero_for_error_and_abstention() -> None:
    assert by_name_and_stage(measures_of(make_trace())) == {
        ("Latency", "total"): 36.0,
        ("Latency", "embed"): 8.0,
        ("Latency", "retrieve"): 2.0,
        ("Latency", "generate"): 25.0,
        ("ErrorCount", "total"): 0.0,
        ("TopScore", "retrieve"): 0.87,
        ("Abstained", "generate"): 0.0,
    }


def test_units_dimensions_and_time_are_those_of_cloudwatch_and_the_trace() -> None:
    measures = {measure.name: measure for measure in measures_of(make_trace())}
    units = {name: measure.unit for name, measure in measures.items()}
    assert units == {"Latency": "Milliseconds", "ErrorCount": "Count", "TopScore": "None", "Abstained": "Count"}
    assert measures["TopScore"].dimensions == (("Backend", "local/embedded"), ("Stage", "retrieve"))
    assert measures["TopScore"].at_s == 1_757_000_000.0


def test_failed_question_counts_its_error_in_total_and_at_its_stage() -> None:
    found = by_name_and_stage(measures_of(make_failed_trace(stage="generate")))
    assert found["ErrorCount", "total"] == 1.0
    assert found["ErrorCount", "generate"] == 1.0
    assert ("Abstained", "generate") not in found


def test_abstention_counts_one() -> None:
    found = by_name_and_stage(measures_of(make_trace(generation=make_generation(abstained=True))))
    assert found["Abstained", "generate"] == 1.0


def test_orchestrator_counts_its_whole_trace_as_gateway() -> None:
    found = by_name_and_stage(measures_of(make_trace(), total_stage="gateway"))
    assert found["Latency", "gateway"] == 36.0
    assert found["ErrorCount", "gateway"] == 0.0
    assert ("Latency", "total") not in found


def test_client_of_the_orchestrator_repeats_nothing_that_the_orchestrator_counted() -> None:
    server = measures_of(make_trace(backend="aws"), total_stage="gateway")
    client = measures_of(make_nested_trace())
    assert by_name_and_stage(client) == {
        ("Latency", "total"): 60.0,
        ("Latency", "network"): 60.0,
        ("ErrorCount", "total"): 0.0,
    }
    by_name_and_stage([*server, *client])


def test_error_inside_the_server_is_counted_at_its_stage_by_the_server_alone() -> None:
    error = Failure("Timeout", "Too late.", "generate")
    found = by_name_and_stage(measures_of(make_nested_trace(generation=None, error=error)))
    assert found["ErrorCount", "total"] == 1.0
    assert ("ErrorCount", "generate") not in found


def test_error_of_the_network_is_counted_by_the_client() -> None:
    error = Failure("Unavailable", "Nobody answers.", "network")
    found = by_name_and_stage(measures_of(make_nested_trace(spans=NESTED[:1], generation=None, error=error)))
    assert found["ErrorCount", "network"] == 1.0


def test_question_whose_backend_never_opened_counts_one_error() -> None:
    error = Failure("Unavailable", "No index.", None)
    found = by_name_and_stage(measures_of(make_trace(spans=(), chunks=(), generation=None, error=error)))
    assert found == {("Latency", "total"): 36.0, ("ErrorCount", "total"): 1.0}


def test_value_that_is_no_number_is_left_out() -> None:
    measures = measures_of(make_trace(chunks=(make_chunk(score=math.nan),), duration_ms=math.inf))
    assert all(math.isfinite(measure.value) for measure in measures)
    assert ("TopScore", "retrieve") not in by_name_and_stage(measures)
