import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import chisquare

from backends.local.research import decoding
from backends.local.research.generator import ResearchGenerator, find_window
from backends.local.sampling import draws, likeliest
from pipeline.deadline import Deadline
from pipeline.errors import BadResponse, InputError, StageFailed, Timeout, Unavailable
from pipeline.prompts import ABSTAINS, ABSTENTION, DEFAULT, PromptTemplate
from pipeline.protocols import Sampler, Scorer
from pipeline.types import Chunk, GenerateOptions, Generation, Sample, Token
from tests.research.tiny_models import ANSWERABLE, FRANCE, UNANSWERABLE, byte_tokenizer, make_chunk, make_gpt2, save

CHUNKS = [FRANCE, make_chunk(2, "mars is the red planet", "mars"), make_chunk(3, "the moon", "moon")]


@pytest.fixture(scope="module", params=["t5", "gpt2"])
def generator(request: pytest.FixtureRequest) -> ResearchGenerator:
    made: ResearchGenerator = request.getfixturevalue(request.param)
    return made


def answer(
    generator: ResearchGenerator, question: str, chunks: Sequence[Chunk], max_new_tokens: int = 12
) -> tuple[list[Token], Generation]:
    *tokens, generation = generator.generate(question, chunks, GenerateOptions(max_new_tokens))
    assert isinstance(generation, Generation)
    return [token for token in tokens if isinstance(token, Token)], generation


def reference(generator: ResearchGenerator, torch: Any, max_new_tokens: int) -> tuple[list[int], list[float]]:
    """transformers' own greedy `generate` on the same prompt: ids and `compute_transition_scores`, less an end token."""
    prompt = torch.tensor([generator._prompts.encode(ANSWERABLE, CHUNKS)])
    out = generator._model.generate(
        input_ids=prompt,
        attention_mask=torch.ones_like(prompt),
        do_sample=False,
        max_new_tokens=max_new_tokens,
        output_scores=True,
        return_dict_in_generate=True,
    )
    scores = generator._model.compute_transition_scores(out.sequences, out.scores, normalize_logits=True)[0]
    ids = out.sequences[0, -len(scores) :].tolist()
    kept = [(i, float(s)) for i, s in zip(ids, scores, strict=True) if i not in generator._end_ids]
    return [i for i, _ in kept], [s for _, s in kept]


def loss_of(generator: ResearchGenerator, torch: Any, prompt: list[int], answer_ids: list[int]) -> float:
    """transformers' own teacher-forced loss: the mean negative log-likelihood of the answer's tokens, nats."""
    with torch.inference_mode():
        if generator._seq2seq:
            out = generator._model(input_ids=torch.tensor([prompt]), labels=torch.tensor([answer_ids]))
        else:
            labels = [-100] * len(prompt) + answer_ids
            out = generator._model(input_ids=torch.tensor([prompt + answer_ids]), labels=torch.tensor([labels]))
    return float(out.loss)


@contextmanager
def counted_widths(reader: Any) -> Iterator[list[int]]:
    """How many tokens each forward pass reads."""
    widths: list[int] = []
    hook = reader.register_forward_pre_hook(
        lambda module, arguments, given: widths.append(given["input_ids"].shape[1]), with_kwargs=True
    )
    try:
        yield widths
    finally:
        hook.remove()


@pytest.mark.slow
def test_tokens_and_logprobs_are_those_of_transformers_generate(generator: ResearchGenerator, torch: Any) -> None:
    ids, logprobs = reference(generator, torch, 12)
    tokens, generation = answer(generator, ANSWERABLE, CHUNKS)
    np.testing.assert_allclose([token.logprob_nats for token in tokens], logprobs, atol=1e-4)
    decoded = generator._tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    assert "".join(token.text for token in tokens) == decoded.rstrip("\N{REPLACEMENT CHARACTER}")
    assert generation.tokens == tuple(tokens)


def test_generated_logprobs_sum_to_the_teacher_forced_loss(generator: ResearchGenerator, torch: Any) -> None:
    ids, _ = reference(generator, torch, 12)
    tokens, _ = answer(generator, ANSWERABLE, CHUNKS)
    loss = loss_of(generator, torch, generator._prompts.encode(ANSWERABLE, CHUNKS), ids)
    assert sum(token.logprob_nats for token in tokens) == pytest.approx(-loss * len(ids), abs=1e-4)


def test_prompt_tokens_are_counted_and_the_chunks_read_are_named(generator: ResearchGenerator) -> None:
    _, generation = answer(generator, ANSWERABLE, CHUNKS)
    assert generation.prompt_tokens == len(generator._prompts.encode(ANSWERABLE, CHUNKS))
    assert generation.used_chunk_ids == ("c1", "c2", "c3")
    assert generation.evidence == ()


def test_a_generation_keeps_the_prompt_that_it_answered(generator: ResearchGenerator) -> None:
    _, made = answer(generator, ANSWERABLE, CHUNKS)
    assert made.prompt is not None
    assert DEFAULT.write(ANSWERABLE, CHUNKS).text in made.prompt


@pytest.mark.parametrize(
    "template",
    [
        PromptTemplate("after", "What follows from {context} for {question}?"),
        PromptTemplate("bare", "say: {question}"),
        DEFAULT,
    ],
    ids=lambda template: template.name,
)
@pytest.mark.slow
def test_a_generator_told_otherwise_reads_the_templates_words_for_all_that_it_does(
    generator: ResearchGenerator, torch: Any, template: PromptTemplate
) -> None:
    """Answers, scores and looks inside read the same words; transformers' own loss over them is the reference."""
    told = generator.with_prompt(template)
    words = template.write(ANSWERABLE, CHUNKS).text
    _, made = answer(told, ANSWERABLE, CHUNKS)
    assert made.prompt is not None
    assert words in made.prompt
    assert made.used_chunk_ids == (("c1", "c2", "c3") if template.shows_chunks else ())
    ids = told._prompts.encode_answer("paris france")
    scored = told.score(ANSWERABLE, [CHUNKS], "paris france")[0]
    prompt = told._prompts.encode(ANSWERABLE, CHUNKS)
    assert -scored.mean() == pytest.approx(loss_of(generator, torch, prompt, ids), abs=1e-4)
    seen = told.introspect(ANSWERABLE, CHUNKS, "paris france")
    rows = [sum(row) for row in seen.attention]
    assert all(rows) if template.shows_chunks else not any(rows)
    assert generator.prompt == DEFAULT


def test_an_answer_cut_at_the_limit_says_so(generator: ResearchGenerator) -> None:
    tokens, generation = answer(generator, ANSWERABLE, CHUNKS, max_new_tokens=3)
    assert (len(tokens), generation.finish_reason) == (3, "length")


def test_confidence_is_the_geometric_mean_of_token_probabilities(generator: ResearchGenerator) -> None:
    tokens, generation = answer(generator, ANSWERABLE, CHUNKS)
    product = math.prod(math.exp(token.logprob_nats) for token in tokens)
    assert generation.confidence is not None
    assert generation.confidence.value == pytest.approx(product ** (1 / len(tokens)))
    assert generation.confidence.kind == "token_probability"


def test_a_learned_answer_is_told_and_stops(taught: ResearchGenerator) -> None:
    tokens, generation = answer(taught, ANSWERABLE, [FRANCE])
    assert [token.text for token in tokens] == ["paris", " france"]
    assert (generation.answer, generation.finish_reason, generation.abstained) == ("paris france", "stop", False)


def test_a_learned_unanswerable_is_an_abstention(taught: ResearchGenerator) -> None:
    tokens, generation = answer(taught, UNANSWERABLE, [FRANCE])
    assert "".join(token.text for token in tokens) == "unanswerable"
    assert (generation.answer, generation.finish_reason, generation.abstained) == (ABSTENTION, "stop", True)


@pytest.mark.parametrize(
    "text", ["", "Unanswerable.", "The question is unanswerable", '"unanswerable"', "It is unanswerable: no."]
)
def test_ways_to_say_unanswerable_abstain(text: str) -> None:
    assert ABSTAINS.fullmatch(text)


@pytest.mark.parametrize(
    "text", ["the answer is Paris", "Paris", "unanswerableness", "some call it unanswerable", "this"]
)
def test_other_answers_do_not_abstain(text: str) -> None:
    assert ABSTAINS.fullmatch(text) is None


def test_without_chunks_nothing_is_generated(t5: ResearchGenerator) -> None:
    tokens, generation = answer(t5, ANSWERABLE, [])
    assert (tokens, generation.answer, generation.finish_reason) == ([], ABSTENTION, "abstained")


def test_the_window_is_the_smallest_stated_limit(t5: ResearchGenerator, gpt2: ResearchGenerator) -> None:
    assert (t5.window, gpt2.window) == (512, 1024)


def test_tokens_of_a_prompt_are_counted_whether_it_fits_or_not(generator: ResearchGenerator) -> None:
    _, generation = answer(generator, ANSWERABLE, CHUNKS)
    assert generator.count_prompt(ANSWERABLE, CHUNKS) == [generation.prompt_tokens]
    [over] = generator.count_prompt(ANSWERABLE, CHUNKS * 200)
    assert over > generator.prompt_window


def test_a_window_that_nobody_states_is_512(torch: Any) -> None:
    from transformers import MT5Config

    tokenizer = byte_tokenizer()
    assert find_window(MT5Config(), tokenizer) == 512


def test_lowest_ranked_chunks_are_left_out_whole_where_they_do_not_fit(generator: ResearchGenerator) -> None:
    chunks = [make_chunk(number, "w" * 90) for number in range(1, 11)]
    _, generation = answer(generator, ANSWERABLE, chunks)
    kept = len(generation.used_chunk_ids)
    assert 0 < kept < 10
    assert generation.used_chunk_ids == tuple(f"c{number}" for number in range(1, kept + 1))
    reserved = 0 if generator._seq2seq else 12
    assert len(generator._prompts.encode(ANSWERABLE, chunks[: kept + 1])) + reserved > generator.window
    assert generation.prompt_tokens == len(generator._prompts.encode(ANSWERABLE, chunks[:kept]))
    assert generation.prompt_tokens + reserved <= generator.window


def test_a_first_chunk_that_does_not_fit_is_an_error_with_sizes(generator: ResearchGenerator) -> None:
    with pytest.raises(StageFailed, match=r"'Title', \d{4} tokens.*smaller chunks.*RAGLASS_GENERATOR") as caught:
        answer(generator, ANSWERABLE, [make_chunk(1, "w" * 3000)])
    assert caught.value.stage == "generate"


def test_an_answer_longer_than_the_whole_window_is_refused(gpt2: ResearchGenerator) -> None:
    with pytest.raises(StageFailed, match="do not fit"):
        answer(gpt2, ANSWERABLE, CHUNKS, max_new_tokens=5000)


def test_a_deadline_stops_between_tokens(t5: ResearchGenerator) -> None:
    now = [0.0]
    deadline = Deadline(10, clock=lambda: now[0])
    stream = t5.generate(ANSWERABLE, CHUNKS, GenerateOptions(), deadline=deadline)
    assert isinstance(next(stream), Token)
    now[0] = 11.0
    with pytest.raises(Timeout, match="generate stage"):
        next(stream)


def test_an_abandoned_answer_blocks_nobody(t5: ResearchGenerator, torch: Any) -> None:
    stream = t5.generate(ANSWERABLE, CHUNKS, GenerateOptions())
    next(stream)
    assert not torch.is_inference_mode_enabled()
    assert answer(t5, ANSWERABLE, CHUNKS)[0]


@pytest.mark.slow
def test_questions_asked_at_once_get_the_answers_they_get_alone(generator: ResearchGenerator) -> None:
    questions = [ANSWERABLE, UNANSWERABLE, "what is mars", "who wrote two"]
    alone = [answer(generator, question, CHUNKS)[1].answer for question in questions]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda question: answer(generator, question, CHUNKS)[1].answer, questions))
    assert together == alone


@pytest.mark.slow
def test_weights_that_are_not_numbers_are_a_bad_response(torch: Any, tmp_path: Path) -> None:
    tokenizer = byte_tokenizer()
    model = make_gpt2(tokenizer)
    with torch.no_grad():
        model.transformer.wte.weight.fill_(float("nan"))
    broken = ResearchGenerator(str(save(tmp_path / "broken", model, tokenizer)))
    with pytest.raises(BadResponse, match="not numbers"):
        answer(broken, ANSWERABLE, CHUNKS)


@pytest.mark.slow
def test_an_embedder_is_no_generator(e5_folder: Path) -> None:
    with pytest.raises(Unavailable, match="tiny-e5-test cannot write text"):
        ResearchGenerator(str(e5_folder))


def test_the_generator_is_a_scorer(generator: ResearchGenerator) -> None:
    assert isinstance(generator, Scorer)


@pytest.mark.slow
def test_scores_are_the_teacher_forced_loss_whatever_the_padding(generator: ResearchGenerator, torch: Any) -> None:
    sets = [
        CHUNKS,
        [],
        CHUNKS[2:],
        CHUNKS[:1],
        CHUNKS[::-1],
        CHUNKS[1:],
        [CHUNKS[1]],
        CHUNKS[:2],
        [CHUNKS[2], CHUNKS[0]],
    ]
    scores = generator.score(ANSWERABLE, sets, "paris 7")
    answer_ids = generator._prompts.encode_answer("paris 7")
    assert scores.shape == (len(sets), len(answer_ids))
    for row, chunks in zip(scores, sets, strict=True):
        loss = loss_of(generator, torch, generator._prompts.encode(ANSWERABLE, chunks), answer_ids)
        assert float(row.sum()) == pytest.approx(-loss * len(answer_ids), abs=1e-4)
        np.testing.assert_allclose(generator.score(ANSWERABLE, [chunks], "paris 7")[0], row, atol=1e-4)


@pytest.mark.slow
def test_a_causal_model_that_gives_all_its_logits_is_scored_alike(
    gpt2: ResearchGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    sets = [CHUNKS, CHUNKS[:1], []]
    expected = gpt2.score(ANSWERABLE, sets, "paris")
    monkeypatch.setattr(gpt2._decoder, "keeps_logits", False)
    for on_cpu in (True, False):
        monkeypatch.setattr(gpt2._decoder, "on_cpu", on_cpu)
        np.testing.assert_allclose(gpt2.score(ANSWERABLE, sets, "paris"), expected, atol=1e-5)
    assert answer(gpt2, ANSWERABLE, CHUNKS, max_new_tokens=3)[1].finish_reason == "length"


@pytest.mark.slow
def test_scores_are_the_same_however_prompts_are_read(
    generator: ResearchGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    sets = [list(some) for size in range(4) for some in combinations(CHUNKS, size)] * 2
    expected = generator.score(ANSWERABLE, sets, "paris 7")
    monkeypatch.setattr(decoding, "_can_cut", lambda cache: False)
    np.testing.assert_allclose(generator.score(ANSWERABLE, sets, "paris 7"), expected, atol=1e-5)
    monkeypatch.setattr(generator._decoder, "on_cpu", False)
    np.testing.assert_allclose(generator.score(ANSWERABLE, sets, "paris 7"), expected, atol=1e-5)


def test_a_causal_model_reads_once_what_prompts_begin_with(gpt2: ResearchGenerator) -> None:
    with counted_widths(gpt2._model) as widths:
        gpt2.score(ANSWERABLE, [CHUNKS, CHUNKS[:2], CHUNKS], "paris")
    long, short = (len(gpt2._prompts.encode(ANSWERABLE, chunks)) for chunks in (CHUNKS, CHUNKS[:2]))
    again = len(gpt2.split_answer("paris"))
    first, *others = widths
    # Of the third prompt, the same as one before, only its last token is read again, and the answer.
    assert again in others
    assert first + sum(others) < long + short


def test_a_cache_of_a_sliding_window_is_not_cut(torch: Any) -> None:
    from transformers.cache_utils import Cache, DynamicLayer, DynamicSlidingWindowLayer

    assert not decoding._can_cut(None)
    assert decoding._can_cut(Cache(layers=[DynamicLayer()]))
    assert not decoding._can_cut(Cache(layers=[DynamicLayer(), DynamicSlidingWindowLayer(sliding_window=4)]))


def test_scoring_a_generated_answer_gives_the_logprobs_it_was_made_with(taught: ResearchGenerator) -> None:
    tokens, generation = answer(taught, ANSWERABLE, [FRANCE])
    scores = taught.score(ANSWERABLE, [[FRANCE], []], generation.answer)
    np.testing.assert_allclose(scores[0], [token.logprob_nats for token in tokens], atol=1e-4)
    assert scores[0].sum() > scores[1].sum()


def test_scoring_nothing_gives_no_rows(t5: ResearchGenerator) -> None:
    assert t5.score(ANSWERABLE, [], "paris").shape == (0, 1)


def test_a_blank_answer_cannot_be_scored(t5: ResearchGenerator) -> None:
    with pytest.raises(InputError, match="blank"):
        t5.score(ANSWERABLE, [CHUNKS], "  ")


def test_a_chunk_set_that_does_not_fit_is_not_cut(t5: ResearchGenerator) -> None:
    with pytest.raises(StageFailed, match="Chunk set 2 makes a prompt"):
        t5.score(ANSWERABLE, [CHUNKS, [make_chunk(n, "w" * 90) for n in range(1, 11)]], "paris")


def sample(
    generator: ResearchGenerator,
    samples: int,
    question: str = ANSWERABLE,
    chunks: Sequence[Chunk] = CHUNKS,
    **given: Any,
) -> list[Sample]:
    return list(generator.sample(question, chunks, GenerateOptions(8), samples=samples, **given))


def test_the_generator_is_a_sampler(generator: ResearchGenerator) -> None:
    assert isinstance(generator, Sampler)


@pytest.mark.slow
@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_tokens_are_drawn_as_often_as_the_model_has_them_probable(
    generator: ResearchGenerator, torch: Any, temperature: float
) -> None:
    """The first token of 1,500 samples, against the softmax of the logits that transformers gives; tokens are put in ten groups."""
    prompt = generator._prompts.encode(ANSWERABLE, CHUNKS)
    given = {"decoder_input_ids": torch.tensor([[0]])} if generator._seq2seq else {}
    with torch.inference_mode():
        logits = generator._model(input_ids=torch.tensor([prompt]), **given).logits[0, -1]
    chances = (logits.double() / temperature).softmax(-1).numpy()
    groups = np.argsort(np.argsort(chances)) * 10 // len(chances)
    drawn = [next(tokens)[0] for tokens in generator._decoder.sample(prompt, 1, draws(1_500, temperature, 0))]
    expected = np.bincount(groups, weights=chances)
    assert chisquare(np.bincount(groups[drawn], minlength=10), 1_500 * expected).pvalue > 0.01


def test_drawn_tokens_have_the_log_probabilities_that_scoring_gives_them(generator: ResearchGenerator) -> None:
    prompt = generator._prompts.encode(ANSWERABLE, CHUNKS)
    seen = set()
    for tokens in generator._decoder.sample(prompt, 6, draws(3, 2.0, 0)):
        ids, logprobs = zip(*tokens, strict=True)
        seen.add(ids)
        np.testing.assert_allclose(logprobs, generator._decoder.score([prompt], ids)[0], atol=1e-4)
    assert len(seen) == 3


@pytest.mark.slow
def test_a_drawn_answer_has_the_log_probability_of_its_score(taught: ResearchGenerator) -> None:
    for temperature in (1.0, 1.5):
        found = sample(taught, 16, chunks=[FRANCE], temperature=temperature)
        told = [each for each in found if each.answer == "paris france"]
        assert told
        expected = float(taught.score(ANSWERABLE, [[FRANCE]], "paris france").sum())
        assert [each.logprob_nats for each in told] == pytest.approx([expected] * len(told), abs=1e-4)
    assert len({each.answer for each in found}) > 1


@pytest.mark.slow
def test_low_temperature_draws_the_greedy_answer(generator: ResearchGenerator) -> None:
    tokens, generation = answer(generator, ANSWERABLE, CHUNKS, max_new_tokens=8)
    for each in sample(generator, 3, temperature=1e-6):
        assert (each.answer, each.abstained) == (generation.answer, generation.abstained)
        assert each.logprob_nats == pytest.approx(sum(token.logprob_nats for token in tokens), abs=1e-4)


def test_a_drawn_unanswerable_is_an_abstention(taught: ResearchGenerator) -> None:
    [each] = sample(taught, 1, UNANSWERABLE, [FRANCE], temperature=0.01)
    expected = float(taught.score(UNANSWERABLE, [[FRANCE]], "unanswerable").sum())
    assert (each.answer, each.abstained) == (ABSTENTION, True)
    assert each.logprob_nats == pytest.approx(expected, abs=1e-4)


@pytest.mark.slow
def test_the_same_seed_draws_the_same_answers_and_another_seed_others(generator: ResearchGenerator) -> None:
    first = sample(generator, 4, seed=5)
    assert sample(generator, 2, seed=5) == first[:2]
    assert len({each.answer for each in first}) > 1
    assert sample(generator, 4, seed=6) != first


def test_a_sample_leaves_the_next_one_the_prompt_as_it_was(generator: ResearchGenerator) -> None:
    prompt = generator._prompts.encode(ANSWERABLE, CHUNKS)
    greedy = list(generator._decoder.decode(prompt, 6))
    assert [list(tokens) for tokens in generator._decoder.sample(prompt, 6, [likeliest] * 3)] == [greedy] * 3


def test_the_prompt_is_read_once_for_all_samples(generator: ResearchGenerator) -> None:
    with counted_widths(generator._model.get_encoder() if generator._seq2seq else generator._model) as widths:
        sample(generator, 3)
    assert [width for width in widths if width > 1] == [len(generator._prompts.encode(ANSWERABLE, CHUNKS))]


def test_without_chunks_every_sample_is_the_abstention(t5: ResearchGenerator) -> None:
    assert sample(t5, 2, chunks=[]) == [Sample(ABSTENTION, 0.0, abstained=True)] * 2


def test_a_deadline_stops_a_sample_between_tokens(t5: ResearchGenerator) -> None:
    ticks = iter([0.0, *[1.0] * 3, *[11.0] * 9])  # passes with the fourth token of the first sample
    with pytest.raises(Timeout, match="generate stage"):
        sample(t5, 1, deadline=Deadline(10, clock=ticks.__next__))


def test_a_first_chunk_that_does_not_fit_is_refused_before_a_sample(generator: ResearchGenerator) -> None:
    with pytest.raises(StageFailed, match="smaller chunks"):
        sample(generator, 1, chunks=[make_chunk(1, "w" * 3000)])
