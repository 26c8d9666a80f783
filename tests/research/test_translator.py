"""A generator in CTranslate2, or in ONNX Runtime, does what it does in torch."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import chisquare

from backends.local.research.conversions import Conversion
from backends.local.research.generator import ResearchGenerator
from backends.local.research.translator import DRAWN_TOGETHER, Translator, make_conversion, make_spec
from pipeline.deadline import Deadline
from pipeline.errors import BadResponse, StageFailed, Timeout, Unavailable
from pipeline.prompts import ABSTENTION
from pipeline.protocols import BatchGenerator, Introspector, Sampler, Scorer
from pipeline.types import GenerateOptions, Sample, Token
from tests.research.test_research_batch import alone, check_same
from tests.research.test_research_generator import CHUNKS, answer, loss_of, sample
from tests.research.tiny_models import (
    ANSWERABLE,
    FRANCE,
    UNANSWERABLE,
    make_chunk,
    make_t5,
    save,
    unigram_tokenizer,
)

pytest.importorskip("ctranslate2")

FLOAT32_NATS = 1e-3
"""Between an engine and torch in float32; 1e-2 is promised."""

INT8_NATS = 0.25
"""Between 8 bits and float32, for one token of this tiny model; docs/adr/0012-research-engines.md."""

SETS = [CHUNKS, [], CHUNKS[2:], CHUNKS[:1], CHUNKS[::-1], CHUNKS[1:], [CHUNKS[1]], CHUNKS[:2], [CHUNKS[2], CHUNKS[0]]]


def score_in_torch(torch: Any, model: Any, prompt: list[int], answer_ids: list[int]) -> Any:
    with torch.inference_mode():
        given = torch.tensor([[0, *answer_ids[:-1]]])
        logits = model(input_ids=torch.tensor([prompt]), decoder_input_ids=given).logits[0]
    return logits.log_softmax(-1).gather(-1, torch.tensor([answer_ids]).T)[:, 0].numpy()


def make_translator(model: Any, folder: Path, numbers: Any = "float32") -> Translator:
    return Translator(Conversion(folder, make_conversion(model, folder, start=0, ends=[1], numbers=numbers)), threads=1)


# The conversion


@pytest.mark.parametrize("tied", [True, False], ids=["T5, whose logits are scaled", "FLAN-T5, whose logits are not"])
@pytest.mark.slow
def test_log_probabilities_are_transformers_whether_logits_are_scaled_or_not(
    torch: Any, tmp_path: Path, tied: bool
) -> None:
    """transformers says `tie_word_embeddings` of both, and CTranslate2's converter would scale the logits of both by d_model^-0.5."""
    from transformers import T5Config, T5ForConditionalGeneration

    torch.manual_seed(0)
    sizes = {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4, "vocab_size": 112}
    kind = {"feed_forward_proj": "relu" if tied else "gated-gelu", "tie_word_embeddings": tied}
    config = T5Config(decoder_start_token_id=0, **sizes, **kind)
    made = save(tmp_path / "model", T5ForConditionalGeneration(config), unigram_tokenizer())
    model = T5ForConditionalGeneration.from_pretrained(made).eval()
    assert (model.config.tie_word_embeddings, model.config.scale_decoder_outputs) == (True, tied)
    prompt, forced = list(range(3, 60)), list(range(70, 80))
    (tmp_path / "converted").mkdir()
    expected = score_in_torch(torch, model, prompt, forced)
    found = make_translator(model, tmp_path / "converted").score([prompt], forced)[0]
    np.testing.assert_allclose(found, expected, atol=FLOAT32_NATS)


def test_a_conversion_that_scales_logits_wrongly_is_refused(
    torch: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the converter makes of FLAN-T5 if `tie_word_embeddings` is left as transformers has it."""
    from ctranslate2.converters.transformers import T5Loader

    as_it_was = T5Loader.get_model_spec

    def get_model_spec(self: Any, model: Any) -> Any:
        model.config.tie_word_embeddings = True
        return as_it_was(self, model)

    monkeypatch.setattr(T5Loader, "get_model_spec", get_model_spec)
    model = make_t5(unigram_tokenizer()).eval()
    model.config.scale_decoder_outputs = False
    with pytest.raises(Unavailable, match=r"nats from torch's.*RAGLASS_ENGINE=torch"):
        make_translator(model, tmp_path)


def test_a_conversion_leaves_the_configuration_as_it_was(torch: Any, tmp_path: Path) -> None:
    model = make_t5(unigram_tokenizer()).eval()
    model.config.scale_decoder_outputs = False
    make_spec(model, start=0, end=1)
    assert model.config.tie_word_embeddings is True


@pytest.mark.slow
def test_opening_a_conversion_leaves_torch_its_threads(brought_t5_folder: Path, torch: Any) -> None:
    before = torch.get_num_threads()
    made = ResearchGenerator(str(brought_t5_folder), threads=before + 1)
    answer(made, ANSWERABLE, [FRANCE])
    sample(made, 1, chunks=[FRANCE])
    assert torch.get_num_threads() == before


# In float32, held against torch


def test_tokens_and_logprobs_are_those_of_torch(brought: ResearchGenerator, taught: ResearchGenerator) -> None:
    for question in (ANSWERABLE, UNANSWERABLE, "what is mars", "who"):
        found, expected = answer(brought, question, CHUNKS), answer(taught, question, CHUNKS)
        assert [token.text for token in found[0]] == [token.text for token in expected[0]]
        logprobs = [token.logprob_nats for token in expected[0]]
        assert [token.logprob_nats for token in found[0]] == pytest.approx(logprobs, abs=FLOAT32_NATS)
        assert (found[1].answer, found[1].finish_reason) == (expected[1].answer, expected[1].finish_reason)
        assert (found[1].prompt_tokens, found[1].used_chunk_ids) == (
            expected[1].prompt_tokens,
            expected[1].used_chunk_ids,
        )


def test_scores_are_the_teacher_forced_loss(brought: ResearchGenerator, taught: ResearchGenerator, torch: Any) -> None:
    scores = brought.score(ANSWERABLE, SETS, "paris 7")
    answer_ids = taught._prompts.encode_answer("paris 7")
    assert (scores.dtype, scores.shape) == (np.float32, (len(SETS), len(answer_ids)))
    for row, chunks in zip(scores, SETS, strict=True):
        loss = loss_of(taught, torch, taught._prompts.encode(ANSWERABLE, chunks), answer_ids)
        assert float(row.sum()) == pytest.approx(-loss * len(answer_ids), abs=FLOAT32_NATS)


def test_scoring_a_generated_answer_gives_the_logprobs_it_was_made_with(brought: ResearchGenerator) -> None:
    tokens, generation = answer(brought, ANSWERABLE, [FRANCE])
    scores = brought.score(ANSWERABLE, [[FRANCE]], generation.answer)
    np.testing.assert_allclose(scores[0], [token.logprob_nats for token in tokens], atol=FLOAT32_NATS)


def test_a_learned_answer_is_told_and_stops(brought: ResearchGenerator) -> None:
    tokens, generation = answer(brought, ANSWERABLE, [FRANCE])
    assert [token.text for token in tokens] == ["paris", " france"]
    assert (generation.answer, generation.finish_reason, generation.abstained) == ("paris france", "stop", False)
    _, generation = answer(brought, UNANSWERABLE, [FRANCE])
    assert (generation.answer, generation.finish_reason, generation.abstained) == (ABSTENTION, "stop", True)


@pytest.mark.parametrize("most", [1, 2, 3])
def test_an_answer_cut_at_the_limit_says_so(brought: ResearchGenerator, taught: ResearchGenerator, most: int) -> None:
    """The learned answer has two tokens and an end token, which counts."""
    found, expected = (answer(each, ANSWERABLE, [FRANCE], most) for each in (brought, taught))
    assert (len(found[0]), found[1].finish_reason) == (len(expected[0]), expected[1].finish_reason)


def test_looking_inside_loads_torchs_weights_and_no_sooner(brought_t5_folder: Path, taught: ResearchGenerator) -> None:
    fresh = ResearchGenerator(str(brought_t5_folder), threads=1)
    answer(fresh, ANSWERABLE, [FRANCE])
    fresh.score(ANSWERABLE, [[FRANCE]], "paris")
    assert fresh._torch._decoder is None
    assert isinstance(fresh, Introspector)
    found, expected = (each.introspect(ANSWERABLE, CHUNKS, "paris france") for each in (fresh, taught))
    assert fresh._torch._decoder is not None
    assert found == expected


def test_each_answer_of_a_batch_is_the_one_it_gets_alone(brought: ResearchGenerator) -> None:
    assert isinstance(brought, BatchGenerator)
    requests = [
        *((question, CHUNKS) for question in (ANSWERABLE, UNANSWERABLE, "what is mars", "who")),
        ("who", [FRANCE]),
        (ANSWERABLE, []),
        (ANSWERABLE, [make_chunk(9, "mars is the red planet", "mars")]),
    ]
    found = brought.generate_batch(requests, GenerateOptions(12))
    for one, (question, chunks) in zip(found, requests, strict=True):
        check_same(one, alone(brought, question, chunks))


# Stopping


def test_a_deadline_stops_between_tokens(brought: ResearchGenerator) -> None:
    now = [0.0]
    stream = brought.generate("what is mars", CHUNKS, GenerateOptions(), deadline=Deadline(10, clock=lambda: now[0]))
    assert isinstance(next(stream), Token)
    now[0] = 11.0
    with pytest.raises(Timeout, match="generate stage"):
        next(stream)
    with pytest.raises(Timeout, match="generate stage"):
        brought.generate_batch([(ANSWERABLE, CHUNKS)], GenerateOptions(), deadline=Deadline(-1.0))
    with pytest.raises(Timeout, match="generate stage"):
        sample(brought, 1, deadline=Deadline(-1.0))


def test_an_abandoned_answer_blocks_nobody(brought: ResearchGenerator) -> None:
    stream = brought.generate("what is mars", CHUNKS, GenerateOptions(200))
    next(stream)
    assert answer(brought, ANSWERABLE, [FRANCE])[1].answer == "paris france"
    stream.close()  # type: ignore[attr-defined]


@pytest.mark.slow
def test_a_process_that_has_generated_ends_well(brought_t5_folder: Path) -> None:
    """CTranslate2's threads would abort the process if they outlived the interpreter."""
    code = (
        "import sys\n"
        "from backends.local.research import ResearchGenerator\n"
        "from pipeline.types import GenerateOptions\n"
        "from tests.research.tiny_models import FRANCE\n"
        "made = ResearchGenerator(sys.argv[1], threads=1)\n"
        "stream = made.generate('what is mars', [FRANCE], GenerateOptions(50))\n"
        "next(stream)\n"
        "drawn = made.sample('what is mars', [FRANCE], GenerateOptions(4), samples=20)\n"
        "next(drawn)\n"
        "print('ends')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(brought_t5_folder)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )
    assert (done.stdout, done.returncode) == ("ends\n", 0), done.stderr


def test_weights_that_are_not_numbers_are_a_bad_response(torch: Any, tmp_path: Path) -> None:
    model = make_t5(unigram_tokenizer()).eval()
    with torch.no_grad():
        model.lm_head.weight.fill_(float("nan"))
    spec = make_spec(model, start=0, end=1)
    spec.save(str(tmp_path))
    broken = Translator(Conversion(tmp_path, {"ends": [1], "numbers": "float32"}), threads=1)
    with pytest.raises(BadResponse, match="not numbers"):
        list(broken.decode([5, 6], 4))
    with pytest.raises(BadResponse, match="not numbers"):
        broken.score([[5, 6]], [7])


# Chance


def test_the_generator_scores_and_samples(brought: ResearchGenerator) -> None:
    assert isinstance(brought, Scorer)
    assert isinstance(brought, Sampler)


@pytest.mark.parametrize("temperature", [1.0, 2.0])
@pytest.mark.slow
def test_tokens_are_drawn_as_often_as_the_model_has_them_probable(
    brought: ResearchGenerator, taught: ResearchGenerator, torch: Any, temperature: float
) -> None:
    """The first token of 1,504 samples, against the softmax of the logits that transformers gives; tokens are put in ten groups."""
    prompt = brought._prompts.encode("what is mars", CHUNKS)
    with torch.inference_mode():
        logits = taught._model(input_ids=torch.tensor([prompt]), decoder_input_ids=torch.tensor([[0]])).logits[0, -1]
    chances = (logits.double() / temperature).softmax(-1).numpy()
    chances[list(brought._end_ids)] += 1e-12
    groups = np.argsort(np.argsort(chances)) * 10 // len(chances)
    drawing = brought._decoder.draw(prompt, 1, samples=1_504, temperature=temperature, seed=0)
    drawn = [next(tokens)[0] for tokens in drawing]
    expected = np.bincount(groups, weights=chances)
    seen = expected * 1_504 >= 5  # what is rarer says nothing by chi-square
    counted = np.bincount(groups[drawn], minlength=10)
    expected, counted = expected[seen], counted[seen]
    assert chisquare(counted, counted.sum() * expected / expected.sum()).pvalue > 0.01


def test_drawn_tokens_have_the_log_probabilities_that_scoring_gives_them(brought: ResearchGenerator) -> None:
    prompt = brought._prompts.encode("what is mars", CHUNKS)
    for tokens in brought._decoder.draw(prompt, 6, samples=3, temperature=2.0, seed=0):
        ids, logprobs = zip(*(each for each in tokens if each[0] not in brought._end_ids), strict=True)
        np.testing.assert_allclose(logprobs, brought._decoder.score([prompt], ids)[0], atol=FLOAT32_NATS)


def test_the_same_seed_draws_the_same_answers_and_another_seed_others(brought: ResearchGenerator) -> None:
    more = DRAWN_TOGETHER + 2
    first = sample(brought, more, seed=5, temperature=3.0)
    assert sample(brought, 2, seed=5, temperature=3.0) == first[:2]
    assert sample(brought, more - 1, seed=5, temperature=3.0) == first[:-1]
    assert len({each.answer for each in first}) > 1
    assert sample(brought, more, seed=6, temperature=3.0) != first


def test_low_temperature_draws_the_greedy_answer(brought: ResearchGenerator) -> None:
    tokens, generation = answer(brought, ANSWERABLE, [FRANCE])
    [each, *_] = sample(brought, 3, chunks=[FRANCE], temperature=1e-3)
    assert (each.answer, each.abstained) == (generation.answer, False)
    assert each.logprob_nats == pytest.approx(sum(token.logprob_nats for token in tokens), abs=FLOAT32_NATS)


def test_without_chunks_every_sample_is_the_abstention(brought: ResearchGenerator) -> None:
    assert sample(brought, 2, chunks=[]) == [Sample(ABSTENTION, 0.0, abstained=True)] * 2


# In 8 bits


def test_8_bits_stay_within_the_stated_bound_and_say_so_in_the_name(
    converted: ResearchGenerator, taught: ResearchGenerator
) -> None:
    for said in ("paris france", "unanswerable"):
        found, expected = (each.score(ANSWERABLE, SETS, said) for each in (converted, taught))
        likely = expected > np.log(1e-3)  # of what is all but impossible, a logarithm says nothing
        assert likely.any()
        assert float(np.abs(found - expected)[likely].max()) < INT8_NATS


def test_8_bits_tell_the_learned_answers(converted: ResearchGenerator) -> None:
    assert answer(converted, ANSWERABLE, [FRANCE])[1].answer == "paris france"
    assert answer(converted, UNANSWERABLE, [FRANCE])[1].abstained


def test_chunks_that_do_not_fit_are_refused_as_in_torch(converted: ResearchGenerator) -> None:
    with pytest.raises(StageFailed, match="smaller chunks"):
        answer(converted, ANSWERABLE, [make_chunk(1, "w" * 3000)])
    with pytest.raises(StageFailed, match="Chunk set 2 makes a prompt"):
        converted.score(ANSWERABLE, [CHUNKS, [make_chunk(n, "w" * 90) for n in range(1, 11)]], "paris")
    assert converted.score(ANSWERABLE, [], "paris").shape == (0, 1)
