"""Our ContextCite against the package of its authors."""

from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import Lasso

from benchmarks.reference import open_context_cite
from explain.context_cite import draw_masks, lasso


@pytest.fixture
def solver(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The package's solver, at a tolerance and a precision at which it can be compared: its own leave weights uncertain by 0.1."""
    module = open_context_cite().solver
    monkeypatch.setattr(module, "Lasso", partial(Lasso, tol=1e-14, max_iter=100_000))
    monkeypatch.setattr(module, "np", SimpleNamespace(float32=np.float64))
    return module.LassoRegression()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("sources", "ablations"), [(5, 32), (20, 32), (60, 64)])
def test_weights_and_bias_are_those_of_the_package(solver: Any, sources: int, ablations: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    masks = draw_masks(sources, ablations, seed)
    outputs = masks @ generator.normal(0, 5, sources) + generator.normal(0, 1, ablations)
    weights, bias = lasso(masks, outputs, tokens=7)
    wanted, wanted_bias = solver.fit(masks, outputs, 7)
    assert weights == pytest.approx(wanted, abs=1e-6)
    assert bias == pytest.approx(wanted_bias, abs=1e-6)
