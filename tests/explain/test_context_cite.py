"""Our port of ContextCite's solver against the library calls that the package itself makes."""

import numpy as np
import pytest
from sklearn.linear_model import Lasso
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from explain.context_cite import draw_masks, fit_surrogate, lasso, logit
from pipeline.errors import InputError


def by_the_package(masks, outputs, tokens):
    """What context-cite 0.0.4's `LassoRegression(lasso_alpha=0.01).fit` computes."""
    solver = Lasso(alpha=0.01, random_state=0, fit_intercept=True, tol=1e-12, max_iter=100_000)
    scaler = StandardScaler()
    make_pipeline(scaler, solver).fit(masks.astype(np.float64), outputs / tokens)
    weights = solver.coef_ / scaler.scale_
    return weights * tokens, (solver.intercept_ - (scaler.mean_ / scaler.scale_) @ solver.coef_) * tokens


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("sources", "ablations"), [(3, 16), (20, 32), (60, 64)])
def test_weights_are_those_of_the_package(seed, sources, ablations):
    generator = np.random.default_rng(seed)
    masks = draw_masks(sources, ablations, seed)
    outputs = masks @ generator.normal(0, 5, sources) + generator.normal(0, 1, ablations)
    weights, bias = lasso(masks, outputs, tokens=7)
    wanted, wanted_bias = by_the_package(masks, outputs, 7)
    assert weights == pytest.approx(wanted, abs=1e-5)
    assert bias == pytest.approx(wanted_bias, abs=1e-5)


def test_the_planted_source_stands_out_of_many_and_its_interval_is_above_zero():
    masks = draw_masks(30, 64, 0)
    values = np.where(masks[:, 17], -0.5, -9.0)
    found = fit_surrogate(masks, values, tokens=1)
    assert int(np.argmax(found.weights)) == 17
    assert found.low[17] > 0
    assert (found.low <= found.high).all()


def test_a_source_that_is_always_in_gets_nothing():
    masks = np.ones((8, 2), bool)
    masks[::2, 1] = False
    weights, _ = lasso(masks, np.where(masks[:, 1], 2.0, 0.0), tokens=1)
    assert weights[0] == 0
    assert weights[1] > 1.5


def test_logits_stay_finite_at_both_ends():
    found = logit(np.array([0.0, -1e-15, -100.0, np.log(0.5)]))
    assert np.isfinite(found).all()
    assert found[3] == pytest.approx(0)
    assert found[2] == pytest.approx(-100)


def test_masks_repeat_with_their_seed_and_are_refused_for_nothing():
    assert (draw_masks(4, 8, 1) == draw_masks(4, 8, 1)).all()
    with pytest.raises(InputError, match="at least 2 of at least 1"):
        draw_masks(0, 8, 1)
