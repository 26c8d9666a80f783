"""Two traces against each other: chunks by rank, stages by their own time, and what they were asked with."""

import pytest

from app.comparing.comparison import compare, match_chunks, own_ms, stage_tree, stages_of
from pipeline.types import Span
from tests.factories import make_chunk, make_trace

NESTED = (
    Span("network", 0.0, 100.0),
    Span("gateway", 10.0, 80.0, parent_id="network"),
    Span("embed", 10.0, 20.0, parent_id="gateway"),
    Span("retrieve", 30.0, 15.0, parent_id="gateway"),
    Span("generate", 45.0, 40.0, parent_id="gateway"),
)
"""A trace of a server, as its client sees it: 100 ms in all, of which the server had 80 and its stages 75."""


def ranked(*names: str):
    return tuple(make_chunk(chunk_id=name, rank=rank) for rank, name in enumerate(names, start=1))


def test_chunks_are_listed_once_with_their_rank_on_each_side_best_first() -> None:
    matches = match_chunks(ranked("a", "b", "c"), ranked("c", "d", "a"))
    assert [(match.chunk.chunk_id, match.first_rank, match.second_rank) for match in matches] == [
        ("a", 1, 3),
        ("c", 3, 1),
        ("b", 2, None),
        ("d", None, 2),
    ]
    assert [match.chunk.chunk_id for match in matches if match.shared] == ["a", "c"]
    assert [match.move for match in matches] == ["▼ 2", "▲ 2", "only first", "only second"]
    assert match_chunks(ranked("a"), ranked("a"))[0].move == "same"


def test_own_times_of_nested_stages_add_up_to_the_total() -> None:
    trace = make_trace(spans=NESTED, duration_ms=100.0)
    times = [own_ms(stage_tree(trace), stage) for stage in ("network", "gateway", "embed", "retrieve", "generate")]
    assert times == [20.0, 5.0, 20.0, 15.0, 40.0]
    assert sum(time for time in times if time is not None) == NESTED[0].duration_ms
    assert own_ms(stage_tree(trace), "rerank") is None


def test_nested_and_flat_traces_are_compared_stage_by_stage_in_the_order_of_the_path() -> None:
    local, remote = make_trace(), make_trace(backend="aws", spans=NESTED, duration_ms=100.0)
    assert stages_of(local, remote) == ["network", "gateway", "embed", "retrieve", "generate"]
    found = compare(local, remote)
    rows = {row.stage: row for row in found.stages}
    assert (rows["generate"].first_ms, rows["generate"].second_ms) == (25.0, 40.0)
    assert rows["generate"].difference == "+15.0 ms (1.60×)"
    assert rows["network"].difference == "only in the second"
    assert [row.stage for row in found.stages if row.encloses] == ["network", "gateway"]
    assert sum(row.second_ms or 0 for row in found.stages[:-1]) == pytest.approx(100.0)


def test_stage_of_a_backend_of_its_own_comes_after_those_that_are_known() -> None:
    trace = make_trace(spans=(Span("translate", 0, 1), Span("embed", 1, 1)))
    assert stages_of(trace) == ["embed", "translate"]


def test_cached_stage_is_not_given_as_faster() -> None:
    cached = make_trace(spans=(Span("embed", 0, 0.01, {"cached": True}),))
    found = compare(make_trace(), cached)
    assert found.stages[0].difference == "cached in the second"
    assert "cached" in found.time_note
    assert compare(cached, cached).time_note == ""


def test_settings_that_differ_are_told_and_the_others_are_not() -> None:
    first = make_trace(settings={"top_k": 5, "rerank": False, "embedder": "small"})
    second = make_trace(backend="aws", settings={"top_k": 5, "rerank": True, "api": "example"})
    assert compare(first, second).settings == (
        ("backend", "local/embedded", "aws"),
        ("rerank", "no", "yes"),
        ("embedder", "small", "—"),
        ("api", "—", "example"),
    )
