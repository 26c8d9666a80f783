"""The planted models are what certification takes them for: small, loadable, right, and right for the planted reason."""

import json
import math
from itertools import combinations
from typing import Any

import pytest

from backends.local.research.generator import ResearchGenerator
from pipeline.protocols import Scorer
from pipeline.types import GenerateOptions, Generation
from tests.planted.claims import LOWEST_ACCURACY, MODELS, SEEDS, WORLDS, count_wrong, open_model, read_claims
from tests.planted.worlds import BY_ITSELF, CAPITALS, CHUNKS, CITIES, FROM_CHUNKS, PEOPLE, Mechanism, Planted, plant

TRIED = (0, 3)
"""Models that are asked here; `tests.planted.claims` asks them all."""
ASKED = 10
SUPPORTED, UNSUPPORTED = math.log(0.98 + 0.02 / 61), math.log(0.02 / 61)
"""Log-probabilities that training aims at, nats: a fiftieth of all probability is spread over the 61 words (`Recipe.smoothing`)."""


@pytest.fixture(scope="module", params=TRIED)
def model(request: pytest.FixtureRequest, torch: Any) -> ResearchGenerator:
    return open_model(request.param)


def subsets(planted: Planted) -> list[frozenset[int]]:
    return [frozenset(some) for size in range(CHUNKS + 1) for some in combinations(range(CHUNKS), size)]


def values(model: ResearchGenerator, planted: Planted) -> dict[frozenset[int], float]:
    """The planted answer's log-probability over every subset of the chunks, nats."""
    sets = subsets(planted)
    scores = model.score(planted.question, [[planted.chunks[i] for i in sorted(some)] for some in sets], planted.answer)
    return dict(zip(sets, scores.sum(axis=1).tolist(), strict=True))


def supports(planted: Planted, some: frozenset[int]) -> bool:
    """Whether a subset of the chunks holds the answer."""
    match planted.mechanism:
        case Mechanism.SINGLE | Mechanism.SYNERGY:
            return planted.sources <= some
        case Mechanism.REDUNDANT:
            return bool(planted.sources & some)
        case _:
            return True


@pytest.mark.parametrize("seed", SEEDS)
def test_a_model_is_complete_and_under_a_megabyte(seed: int) -> None:
    files = {file.name: file.stat().st_size for file in (MODELS / f"seed-{seed}").iterdir()}
    assert {"config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"} <= set(files)
    assert sum(files.values()) < 400_000


@pytest.mark.parametrize("mechanism", Mechanism)
def test_planted_worlds_are_the_same_every_time(mechanism: Mechanism) -> None:
    assert plant(mechanism, 7) == plant(mechanism, 7)
    assert len({tuple(chunk.text for chunk in plant(mechanism, seed).chunks) for seed in range(20)}) == 20


@pytest.mark.parametrize("mechanism", Mechanism)
def test_the_answer_is_in_the_sources_and_in_no_other_chunk_about_it(mechanism: Mechanism) -> None:
    for seed in range(50):
        planted = plant(mechanism, seed)
        sources = [planted.chunks[i].text for i in sorted(planted.sources)]
        match mechanism:
            case Mechanism.SINGLE | Mechanism.REDUNDANT:
                subject = planted.question.removeprefix("Where is ").removesuffix("?")
                assert all(
                    text in {f"{subject} is in {planted.answer}", f"{subject} lives in {planted.answer}"}
                    for text in sources
                )
                assert len(set(sources)) == (1 if mechanism is Mechanism.SINGLE else 2)
            case Mechanism.SYNERGY:
                subject = planted.question.removeprefix("Where is the one ").removesuffix(" follows?")
                [follows] = [text for text in sources if text.startswith(f"{subject} follows ")]
                [lives] = [text for text in sources if text != follows]
                assert lives.startswith(follows.split()[-1])
                assert lives.endswith(planted.answer)
            case _:
                assert not planted.sources


def test_an_override_is_contradicted_by_one_chunk_and_a_memory_by_none() -> None:
    for mechanism, times in ((Mechanism.OVERRIDE, 1), (Mechanism.MEMORY, 0)):
        planted = plant(mechanism, 3)
        country = planted.question.removeprefix("What is the capital of ").removesuffix("?")
        said = [chunk.text for chunk in planted.chunks if f"capital of {country} " in chunk.text]
        assert len(said) == times
        assert planted.answer == CAPITALS[country]
        assert not any(text.endswith(planted.answer) for text in said)


def test_there_are_enough_names_and_places_to_copy_and_not_to_learn() -> None:
    assert min(len(set(PEOPLE)), len(set(CITIES))) >= 12


def test_every_model_is_claimed_to_be_right_in_95_of_100_worlds_of_every_mechanism() -> None:
    claims = read_claims()
    assert set(claims) == {f"seed-{seed}" for seed in SEEDS}
    for claimed in claims.values():
        assert set(claimed) == set(Mechanism)
        assert min(claimed.values()) >= LOWEST_ACCURACY


@pytest.mark.parametrize("mechanism", Mechanism)
def test_a_model_is_wrong_no_more_often_than_is_claimed(model: ResearchGenerator, mechanism: Mechanism) -> None:
    claimed_wrong = round(WORLDS * (1 - read_claims()[model.name][mechanism]))
    assert count_wrong(model, mechanism, ASKED) <= claimed_wrong


@pytest.mark.parametrize("mechanism", FROM_CHUNKS)
def test_scores_over_subsets_are_a_known_game_of_the_sources(model: ResearchGenerator, mechanism: Mechanism) -> None:
    for seed in range(3):
        planted = plant(mechanism, seed)
        for some, value in values(model, planted).items():
            known = SUPPORTED if supports(planted, some) else UNSUPPORTED
            assert value == pytest.approx(known, abs=0.1 if known is SUPPORTED else 2), (planted, some)


@pytest.mark.parametrize("mechanism", BY_ITSELF)
def test_scores_over_subsets_are_level_where_no_chunk_is_needed(model: ResearchGenerator, mechanism: Mechanism) -> None:
    for seed in range(3):
        over_subsets = values(model, plant(mechanism, seed)).values()
        assert list(over_subsets) == pytest.approx([SUPPORTED] * 2**CHUNKS, abs=0.1)


def test_a_model_reads_few_tokens_and_can_score(model: ResearchGenerator) -> None:
    planted = plant(Mechanism.SYNERGY, 0)
    *_, generation = model.generate(planted.question, planted.chunks, GenerateOptions(max_new_tokens=4))
    assert isinstance(generation, Generation)
    assert generation.prompt_tokens < 60
    assert len(generation.used_chunk_ids) == CHUNKS
    assert isinstance(model, Scorer)


def test_the_committed_tokenizer_is_the_one_that_training_makes(torch: Any) -> None:
    from tests.planted.train import make_tokenizer

    made = json.loads(make_tokenizer().backend_tokenizer.to_str())
    for seed in SEEDS:
        committed = json.loads((MODELS / f"seed-{seed}" / "tokenizer.json").read_text("utf-8"))
        assert committed["model"]["vocab"] == made["model"]["vocab"]
        assert committed["normalizer"] == made["normalizer"]


def test_a_step_of_training_from_the_same_seed_gives_the_same_weights(torch: Any) -> None:
    from tests.planted.train import Recipe, Training

    first, again, other = (Training(seed, Recipe(batch=8)) for seed in (0, 0, 1))
    for training in (first, again, other):
        training.step()
    weights, same, different = (training.model.state_dict() for training in (first, again, other))
    assert all(torch.equal(weights[name], same[name]) for name in weights)
    assert not all(torch.equal(weights[name], different[name]) for name in weights)
