"""Whether a question can be answered from its chunk alone, by the reader that ships."""

from dataclasses import replace

import pytest

from evaluation.synthesis.checking import check_draft, open_reader
from evaluation.synthesis.drafts import Draft
from pipeline.types import Chunk
from tests.factories import make_chunk

CHUNK = make_chunk(
    title="The Tarn Engine",
    text="The Dutch engineer Pieter Holm invented the Tarn Engine in 1771. It was sold to Prussia in May 1802 for nine hundred guilders.",
)
DRAFT = Draft("Who invented the Tarn Engine in 1771?", ("Pieter Holm",), "PERSON", "a test")


@pytest.fixture(scope="module")
def reader():  # type: ignore[no-untyped-def]
    return open_reader(1)


def find(*chunks: Chunk):  # type: ignore[no-untyped-def]
    return lambda question, top_k: chunks[:top_k]


def test_a_question_that_its_chunk_answers_is_kept_and_hard_where_the_chunk_is_not_found(reader) -> None:  # type: ignore[no-untyped-def]
    found = check_draft(DRAFT, CHUNK, reader, find(CHUNK))
    assert (found.problem, found.hard) == ("", False)
    assert found.confidence > 0.6
    assert check_draft(DRAFT, CHUNK, reader, find(make_chunk(chunk_id="another"))).hard


@pytest.mark.parametrize(
    ("draft", "chunk", "said"),
    [
        (
            DRAFT,
            make_chunk(text="Bread dough rises in a warm oven for an hour.", title="Bread"),
            "the reader finds no answer in the chunk",
        ),
        (replace(DRAFT, answers=("nine hundred guilders",)), CHUNK, "the reader quotes another sentence"),
        (replace(DRAFT, answers=("1771",)), CHUNK, "the reader marks other words"),
    ],
)
def test_what_the_chunk_does_not_answer_so_is_rejected(reader, draft: Draft, chunk: Chunk, said: str) -> None:  # type: ignore[no-untyped-def]
    assert check_draft(draft, chunk, reader, find(chunk)).problem == said
