"""What the benchmark of answer quality counts: chunks as the product cuts them, and how much of a figure is chance."""

import numpy as np
import pytest

from backends.local.chunking import split_document
from backends.local.documents import builtin_documents
from benchmarks.bench_quality import Outcomes, measure
from benchmarks.labelled import Question, cut_chunks, read_builtin
from benchmarks.measures import exact_error


def test_benchmark_cuts_the_built_in_corpus_as_the_product_does() -> None:
    cut = [(doc.document_id, piece.text) for doc in builtin_documents() for piece in split_document(doc)]
    assert [(chunk.document_id, chunk.text) for chunk in cut_chunks(read_builtin().documents)] == cut


@pytest.mark.slow
def test_exact_chances_show_an_error_that_shrinks_with_the_root_of_their_number() -> None:
    """Equal chances share a bin: of n coins the share of heads is off by the square root of 2/π · (1/4) / n on average."""
    for number in (100, 10_000):
        found = exact_error(np.full(number, 0.5))
        assert found["value"] == pytest.approx((2 / np.pi / 4 / number) ** 0.5, rel=0.05)
        assert found["low"] < found["value"] < found["high"]


@pytest.mark.slow
def test_certain_chances_show_no_error() -> None:
    assert exact_error(np.array([0.0, 1.0, 1.0])) == {"value": 0.0, "low": 0.0, "high": 0.0}


@pytest.mark.slow
def test_interval_over_articles_is_wider_where_an_articles_questions_go_wrong_together() -> None:
    questions = [Question(str(n), "?", ("a",), "d", f"article {n // 50}", True, "") for n in range(200)]
    found = measure(Outcomes(questions, rank=[1.0] * 200, one=[n >= 50 for n in range(200)]))
    apart, together = found["gold in answer, one sentence"], found["one sentence, by articles"]
    assert apart["value"] == together["value"] == 0.75
    assert together["high"] - together["low"] > 3 * (apart["high"] - apart["low"])
