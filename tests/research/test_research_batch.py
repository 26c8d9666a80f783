"""Several answers at once: each is the one that its question gets alone."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from backends.local.research.generator import WRITTEN_TOGETHER, ResearchGenerator
from pipeline.deadline import Deadline
from pipeline.errors import BadResponse, StageFailed, Timeout
from pipeline.prompts import ABSTENTION
from pipeline.protocols import BatchGenerator
from pipeline.types import Chunk, GenerateOptions, Generation
from tests.research.test_research_generator import CHUNKS, counted_widths
from tests.research.tiny_models import ANSWERABLE, FRANCE, UNANSWERABLE, byte_tokenizer, make_chunk, make_gpt2, save

QUESTIONS = [ANSWERABLE, UNANSWERABLE, "what is mars", "who", "is the moon made of " + "green " * 12 + "cheese"]


@pytest.fixture(scope="module", params=["t5", "gpt2", "taught"])
def generator(request: pytest.FixtureRequest) -> ResearchGenerator:
    made: ResearchGenerator = request.getfixturevalue(request.param)
    return made


def alone(generator: ResearchGenerator, question: str, chunks: Sequence[Chunk]) -> Generation:
    *_, generation = generator.generate(question, chunks, GenerateOptions(12))
    assert isinstance(generation, Generation)
    return generation


def check_same(found: Generation, expected: Generation) -> None:
    """The same but for how float32 sums were rounded."""
    assert (found.answer, found.finish_reason, found.abstained) == (
        expected.answer,
        expected.finish_reason,
        expected.abstained,
    )
    assert (found.prompt_tokens, found.used_chunk_ids) == (expected.prompt_tokens, expected.used_chunk_ids)
    assert [token.text for token in found.tokens] == [token.text for token in expected.tokens]
    logprobs = [token.logprob_nats for token in expected.tokens]
    assert [token.logprob_nats for token in found.tokens] == pytest.approx(logprobs, abs=1e-4)


@pytest.mark.slow
def test_each_answer_is_the_one_it_gets_alone_whatever_the_padding(generator: ResearchGenerator) -> None:
    assert isinstance(generator, BatchGenerator)
    requests = [
        *((question, CHUNKS) for question in QUESTIONS),
        ("who", [FRANCE]),
        (ANSWERABLE, [make_chunk(9, "mars is the red planet", "mars")]),
    ]
    found = generator.generate_batch(requests, GenerateOptions(12))
    expected = [alone(generator, question, chunks) for question, chunks in requests]
    assert len({each.prompt_tokens for each in expected}) > 4
    for one, other in zip(found, expected, strict=True):
        check_same(one, other)


def test_answers_that_end_early_do_not_end_the_others(taught: ResearchGenerator) -> None:
    """It has learned an answer of two words and an abstention of one; what it has not learned goes on for longer."""
    requests = [(question, [FRANCE]) for question in (UNANSWERABLE, ANSWERABLE, "what is mars")]
    found = taught.generate_batch(requests, GenerateOptions(12))
    assert [len(each.tokens) for each in found] == [
        len(alone(taught, question, chunks).tokens) for question, chunks in requests
    ]
    assert found[0].abstained
    assert found[1].answer == "paris france"


def test_prompts_of_one_length_are_read_in_one_pass_and_no_more_than_fit(gpt2: ResearchGenerator) -> None:
    requests = [(f"who wrote {number:02}", CHUNKS) for number in range(WRITTEN_TOGETHER + 1)]
    with counted_widths(gpt2._model) as widths:
        gpt2.generate_batch(requests, GenerateOptions(2))
    long = [width for width in widths if width > 1]
    assert len(long) == 2


def test_requests_without_chunks_keep_their_places(t5: ResearchGenerator) -> None:
    found = t5.generate_batch([(ANSWERABLE, []), (ANSWERABLE, CHUNKS), ("who", [])], GenerateOptions(4))
    assert [each.answer == ABSTENTION for each in found] == [True, False, True]
    check_same(found[1], alone_short(t5))


def alone_short(generator: ResearchGenerator) -> Generation:
    *_, generation = generator.generate(ANSWERABLE, CHUNKS, GenerateOptions(4))
    assert isinstance(generation, Generation)
    return generation


def test_no_requests_have_no_answers(t5: ResearchGenerator) -> None:
    assert t5.generate_batch([], GenerateOptions(4)) == []


def test_a_deadline_stops_between_passes(t5: ResearchGenerator) -> None:
    deadline = Deadline(-1.0)
    with pytest.raises(Timeout, match="generate stage"):
        t5.generate_batch([(ANSWERABLE, CHUNKS)], GenerateOptions(), deadline=deadline)


def test_a_first_chunk_that_does_not_fit_is_refused(generator: ResearchGenerator) -> None:
    long = make_chunk(1, "mars " * 4000, "mars")
    with pytest.raises(StageFailed, match="tokens"):
        generator.generate_batch([(ANSWERABLE, CHUNKS), (ANSWERABLE, [long])], GenerateOptions(4))


@pytest.mark.slow
def test_weights_that_are_not_numbers_are_a_bad_response(torch: Any, tmp_path: Path) -> None:
    tokenizer = byte_tokenizer()
    model = make_gpt2(tokenizer)
    with torch.no_grad():
        model.transformer.wte.weight.fill_(float("nan"))
    broken = ResearchGenerator(str(save(tmp_path / "broken", model, tokenizer)))
    with pytest.raises(BadResponse, match="not numbers"):
        broken.generate_batch([(ANSWERABLE, CHUNKS)], GenerateOptions(4))
