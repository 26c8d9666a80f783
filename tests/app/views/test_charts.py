"""The waterfall adds up and the embedding map shows every chunk."""

from dataclasses import replace

import numpy as np
import pytest

from app.comparing.comparison import compare
from app.views.documents.embedding_map import embedding_map
from app.views.traces.detail import waterfall_note
from app.views.traces.waterfall import bars, waterfall
from backends.fake import ScriptedBackend
from backends.local.corpus import CorpusMap
from backends.local.embedding_map import fit_projection
from backends.local.index import IndexedChunk
from pipeline.types import Failure, Span
from tests.factories import make_trace


def test_bars_and_unaccounted_time_add_up_to_the_total():
    trace = make_trace()
    assert sum(bar.duration_ms for bar in bars(trace)) == pytest.approx(trace.duration_ms)
    assert bars(trace)[-1].name == "unaccounted"


def test_waterfall_says_what_takes_the_time_and_which_stage_failed():
    spans = (Span("embed", 0, 10), Span("generate", 10, 80, {}, Failure("Timeout", "late", "generate")))
    figure = waterfall(replace(make_trace(), spans=spans, duration_ms=100.0))
    assert figure.layout.title.text == "Generate takes 80 % of 100 ms"
    assert any("generate, failed" in label for label in figure.layout.yaxis.ticktext)


def test_nested_spans_are_indented_and_what_is_their_own_is_told():
    spans = (
        Span("network", 0, 100),
        Span("gateway", 10, 80, parent_id="network"),
        Span("generate", 20, 50, parent_id="gateway"),
    )
    figure = waterfall(replace(make_trace(), spans=spans, duration_ms=100.0))
    labels = list(figure.layout.yaxis.ticktext)
    assert labels[0].startswith("network")
    assert "own 20.0 ms" in labels[0]
    assert labels[1].startswith("› gateway")
    assert "own 30.0 ms" in labels[1]
    assert labels[2] == "› › generate<br>50.0 ms · 50 %"
    assert figure.layout.title.text == "Generate takes 50 % of 100 ms"


def test_waterfall_of_a_trace_without_stages_can_be_drawn():
    assert waterfall(replace(make_trace(), spans=(), duration_ms=0.0)).layout.title.text == "No stage ran"


def test_comparison_counts_shared_chunks_and_differences():
    backend = ScriptedBackend()
    first = backend.answer("q", top_k=4, deadline_s=5)
    second = replace(backend.answer("q", top_k=2, deadline_s=5), duration_ms=first.duration_ms * 2)
    found = compare(first, second)
    assert found.headline == "The answers are the same; 2 of 4 chunks were retrieved by both"
    assert found.stages[-1].stage == "total"
    assert "2.00×" in found.stages[-1].difference


def test_embedding_map_draws_every_chunk_and_the_question():
    vectors = np.random.default_rng(0).normal(size=(5, 8)).astype(np.float32)
    projection = fit_projection(vectors)
    chunks = [
        IndexedChunk(f"c{n}", f"earth/{n}" if n else "mine", f"<b>T{n}", "%{x} text", 1, "", "", ()) for n in range(5)
    ]
    figure = embedding_map(CorpusMap(projection, projection.project(vectors), chunks, 5), ("<i>why", 0.0, 0.0))
    assert sum(len(trace.x) for trace in figure.data) == 6
    assert {trace.name for trace in figure.data} == {"earth", "added", "your question"}
    labels = str([trace.customdata for trace in figure.data]) + str([trace.hovertemplate for trace in figure.data])
    assert "<i>why" not in labels
    assert "<b>T" not in labels
    assert "%{x} text" not in labels


def test_note_of_a_waterfall_explains_nesting_where_there_is_any():
    nested = replace(make_trace(), spans=(Span("network", 0, 30), Span("gateway", 5, 20, parent_id="network")))
    assert "ran inside" in waterfall_note(make_trace(), nested)
    assert "ran inside" not in waterfall_note(make_trace())
