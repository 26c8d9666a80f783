"""The embedding map against scikit-learn's PCA."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from backends.local.embedding_map import MAX_POINTS, fit_projection, sample_rows


def cloud(count: int, dimension: int = 20) -> np.ndarray:
    rng = np.random.default_rng(0)
    return (rng.normal(size=(count, dimension)) * np.linspace(3, 0.1, dimension)).astype(np.float32)


def test_plane_is_that_of_scikit_learn() -> None:
    vectors = cloud(300)
    projection, reference = fit_projection(vectors), PCA(2).fit(vectors)
    signs = np.sign(np.sum(projection.axes * reference.components_, axis=1))
    np.testing.assert_allclose(projection.axes, reference.components_ * signs[:, None], atol=1e-4)
    np.testing.assert_allclose(projection.project(vectors), reference.transform(vectors) * signs, atol=1e-3)
    assert projection.explained == pytest.approx(reference.explained_variance_ratio_.sum(), abs=1e-5)


def test_axes_do_not_flip_between_builds() -> None:
    vectors = cloud(100)
    first, second = fit_projection(vectors), fit_projection(vectors[::-1].copy())
    np.testing.assert_allclose(first.axes, second.axes, atol=1e-4)
    assert all(axis[np.abs(axis).argmax()] > 0 for axis in first.axes)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_points_still_have_places(count: int) -> None:
    vectors = cloud(count)
    projection = fit_projection(vectors)
    points = projection.project(vectors)
    assert points.shape == (count, 2)
    assert np.isfinite(points).all()
    assert 0 <= projection.explained <= 1 + 1e-6


def test_points_that_are_all_the_same_lie_at_the_origin() -> None:
    vectors = np.ones((5, 4), np.float32)
    np.testing.assert_allclose(fit_projection(vectors).project(vectors), 0, atol=1e-6)


@pytest.mark.parametrize("size", [0, 1, 10, MAX_POINTS, MAX_POINTS + 1, 1_000_000])
def test_sample_is_spread_over_the_whole_corpus_without_repeats(size: int) -> None:
    rows = sample_rows(size)
    assert len(rows) == min(size, MAX_POINTS)
    assert len(set(rows.tolist())) == len(rows)
    if size:
        assert (rows[0], rows[-1]) == (0, size - 1)
