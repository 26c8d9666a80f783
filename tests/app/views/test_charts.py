"""The embedding map shows every chunk, and a comparison counts what two traces share."""

from dataclasses import replace

import numpy as np

from app.comparing.comparison import compare
from app.views.documents.embedding_map import embedding_map
from backends.fake import ScriptedBackend
from backends.local.corpus import CorpusMap
from backends.local.embedding_map import fit_projection
from backends.local.index import IndexedChunk


def test_comparison_counts_shared_chunks_and_differences():
    backend = ScriptedBackend()
    first = backend.answer("q", top_k=4, deadline_s=5)
    second = replace(backend.answer("q", top_k=2, deadline_s=5), duration_ms=first.duration_ms * 2)
    found = compare(first, second)
    assert found.outcome == "The answers are the same"
    assert len(found.shared) == 2
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
