"""Questions that a model writes: what its reply must be."""

import pytest

from evaluation.synthesis.drafts import Draft
from evaluation.synthesis.model import PROMPT, Asked, read_reply, request_for
from pipeline.types import Chunk
from tests.factories import make_chunk

CHUNK = make_chunk(text="Pieter Holm invented the Tarn Engine in 1771.", title="The Tarn Engine")


def asked(reply: str) -> Draft | str:
    return Asked(CHUNK, "DATE", lambda request, chunk: reply, "tiny").write()


def test_a_reply_with_question_and_answer_is_a_draft() -> None:
    assert asked("Question: When was the Tarn Engine invented?\nAnswer: 1771.") == Draft(
        "When was the Tarn Engine invented?", ("1771",), "DATE", "the model tiny"
    )


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ("", "no question with an answer"),
        ("I cannot do that.", "no question with an answer"),
        ("Question: The Tarn Engine\nAnswer: 1771", "no question with an answer"),
        ("Question: When was the Tarn Engine invented?\nAnswer: 1971", "does not stand in the chunk"),
        ("Question: When was it invented?\nAnswer: 1771", "points at something"),
        ("Question: When in 1771 was the Tarn Engine made?\nAnswer: 1771", "gives its answer away"),
    ],
)
def test_any_other_reply_is_rejected_with_the_reason(reply: str, said: str) -> None:
    found = asked(reply)
    assert isinstance(found, str)
    assert said in found


def test_markup_around_a_reply_is_no_part_of_it() -> None:
    assert read_reply("**Question:** ignored\nQuestion: “Who?”\n\nAnswer: “He”") == ("Who?", "He")


def test_a_model_is_told_the_type_and_the_text() -> None:
    told: list[str] = []

    def say(request: str, chunk: Chunk) -> str:
        told.append(PROMPT.write(request, [chunk]).text)
        return ""

    Asked(CHUNK, "STATISTICS", say, "tiny").write()
    assert request_for("STATISTICS") in told[0]
    assert CHUNK.text in told[0]
