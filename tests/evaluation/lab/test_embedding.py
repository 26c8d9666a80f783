"""How an embedder lays out questions and chunks."""

import numpy as np
import pytest
from scipy.stats import skew
from sklearn.metrics import roc_auc_score

from evaluation.lab.embedding import NEIGHBOURS, WRONG_PAIRS, measure_layout
from pipeline.errors import InputError


def unit(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


@pytest.fixture
def draw() -> np.random.Generator:
    return np.random.default_rng(0)


def test_directions_spread_evenly_are_not_crowded_and_a_common_part_crowds_them(draw: np.random.Generator) -> None:
    chunks = unit(draw.normal(size=(400, 64)))
    gold: list[list[int]] = [[place] for place in range(50)]
    assert measure_layout(chunks[:50], chunks, gold).anisotropy == pytest.approx(0, abs=0.01)
    shift = np.zeros(64)
    shift[0] = 8.0  # as long as the rest: the cosine of two rows is about 64 / (64 + 64)
    crowded = unit(draw.normal(size=(400, 64)) + shift)
    assert measure_layout(crowded[:50], crowded, gold).anisotropy == pytest.approx(0.5, abs=0.03)


def test_pairs_are_those_of_the_gold_chunks_and_the_nearest_other() -> None:
    chunks = unit(np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]))
    found = measure_layout([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]], chunks, [[0], [0, 2], []])
    half = np.sqrt(0.5)
    assert found.right == pytest.approx((1.0, half, None))
    assert found.nearest_wrong == pytest.approx((half, 1.0, None))
    assert found.margins == pytest.approx((1 - half, half - 1, None))


def test_right_and_wrong_are_told_apart_as_the_area_under_the_curve_says(draw: np.random.Generator) -> None:
    chunks = unit(draw.normal(size=(300, 8)))
    questions = unit(chunks[:100] + draw.normal(size=(100, 8)) * 0.4)
    found = measure_layout(questions, chunks, [[place] for place in range(100)])
    right = [each for each in found.right if each is not None]
    assert len(right) == 100
    assert 90 * WRONG_PAIRS < len(found.wrong) <= 100 * WRONG_PAIRS
    labels = [1] * len(right) + [0] * len(found.wrong)
    assert found.told_apart == pytest.approx(roc_auc_score(labels, [*right, *found.wrong]))


def test_hubs_are_the_skewness_of_how_often_a_chunk_is_near(draw: np.random.Generator) -> None:
    chunks, questions = unit(draw.normal(size=(200, 4))), unit(draw.normal(size=(600, 4)))
    found = measure_layout(questions, chunks, [[] for _ in range(600)])
    order = np.argsort(-(questions @ chunks.T), axis=1)[:, :NEIGHBOURS]
    times = np.bincount(order.ravel(), minlength=200)
    assert found.hubness == pytest.approx(skew(times))
    assert found.never == np.mean(times == 0)
    assert found.told_apart is None


def test_vectors_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(InputError, match="finite numbers"):
        measure_layout([[1.0, np.nan]], [[1.0, 0.0], [0.0, 1.0]], [[0]])
