"""ContextCite (Cohen-Wang et al. 2024, arXiv 2409.00729): a sparse linear surrogate of an answer's logit-probability.

For more sources than can be tried in every combination: beyond five chunks, or sentence by sentence.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.errors import InputError

FloatArray = npt.NDArray[np.float64]
MaskArray = npt.NDArray[np.bool_]

ALPHA = 0.01
"""Weight of the L1 penalty, the paper's."""


KEEP = 0.5
"""Probability of each source to be in a subset."""

MOST_SWEEPS = 10_000
TOLERANCE = 1e-10
HIGHEST_NATS = -1e-9
"""Log-probabilities are held below 0 by this much: the logit of 1 is infinite."""


@dataclass(frozen=True, slots=True, eq=False)
class Surrogate:
    """logit p(answer | subset) ≈ mask · weights + bias."""

    weights: FloatArray
    """(k,): what each source adds, in nats of the logit."""
    bias: float
    """Without any source."""
    low: FloatArray
    """(k,): 5th percentile of each weight over refits on resampled ablations."""
    high: FloatArray
    """(k,): 95th percentile."""


def draw_masks(sources: int, ablations: int, seed: int) -> MaskArray:
    """(ablations, sources): each source in with probability KEEP, independently; the same seed gives the same masks."""
    if sources < 1 or ablations < 2:
        raise InputError(f"{ablations} ablations of {sources} sources cannot be drawn. Give at least 2 of at least 1.")
    return np.random.default_rng(seed).random((ablations, sources)) < KEEP


def logit(logprobs_nats: FloatArray) -> FloatArray:
    """log(p / (1 − p)) of log-probabilities, (n,), held away from p = 1."""
    held = np.minimum(logprobs_nats, HIGHEST_NATS)
    found: FloatArray = held - np.log(-np.expm1(held))
    return found


def fit_surrogate(
    masks: MaskArray, values: FloatArray, tokens: int, *, resamples: int = 100, seed: int = 0
) -> Surrogate:
    """Fit the surrogate to v of each mask.

    masks (n, k); values (n,): v(S) in nats; tokens: T of the answer, by which the logits are divided for the fit, as the paper does.
    resamples: refits for the interval; 0 for none (both ends are the weights then).
    """
    outputs = logit(values)
    weights, bias = lasso(masks, outputs, tokens)
    low = high = weights
    if resamples:
        rows = np.random.default_rng(seed).integers(len(masks), size=(resamples, len(masks)))
        refits, _ = lasso(masks[rows], outputs[rows], tokens)
        low, high = np.percentile(refits, [5, 95], axis=0)
    return Surrogate(weights, float(bias), low, high)


def fit_tokens(masks: MaskArray, logprobs_nats: FloatArray) -> FloatArray:
    """The same weights for each token by itself: (k, T) for masks (n, k) and log-probabilities (n, T).

    They do not add up to the answer's: a surrogate is not linear in what it is fitted to.
    """
    tokens = logprobs_nats.shape[1]
    weights, _ = lasso(np.repeat(masks[None], tokens, axis=0), logit(logprobs_nats).T, 1)
    found: FloatArray = weights.T
    return found


def lasso(masks: MaskArray, outputs: FloatArray, tokens: int, alpha: float = ALPHA) -> tuple[FloatArray, FloatArray]:
    """Least squares with an L1 penalty on standardised masks: weights (..., k) and bias (...) on the masks' own scale.

    Minimises (1/2n)·‖y − Xw‖² + alpha·‖w‖₁ by coordinate descent (Friedman et al. 2010). masks (..., n, k), outputs (..., n): leading
    axes are fits of their own, which are made together.
    """
    inputs, wanted = masks.astype(np.float64), outputs / tokens
    centre, scale = inputs.mean(axis=-2), inputs.std(axis=-2)
    scale = np.where(scale == 0, 1.0, scale)
    standard = (inputs - centre[..., None, :]) / scale[..., None, :]
    offset = wanted.mean(axis=-1)
    own = _descend(standard, wanted - offset[..., None], alpha) / scale
    return own * tokens, (offset - (centre * own).sum(axis=-1)) * tokens


def _descend(inputs: FloatArray, wanted: FloatArray, alpha: float) -> FloatArray:
    """Cyclic coordinate descent with soft thresholds, until no weight of any fit moves."""
    n = inputs.shape[-2]
    turned = inputs.swapaxes(-1, -2)
    gram: FloatArray = turned @ inputs / n
    target: FloatArray = (turned @ wanted[..., None])[..., 0] / n
    norms = np.diagonal(gram, axis1=-2, axis2=-1)
    safe = np.where(norms == 0, 1.0, norms)
    weights: FloatArray = np.zeros_like(target)
    for _ in range(MOST_SWEEPS):
        before = weights.copy()
        for j in range(weights.shape[-1]):
            pull = target[..., j] - (gram[..., j, :] * weights).sum(axis=-1) + norms[..., j] * weights[..., j]
            shrunk = np.sign(pull) * np.maximum(np.abs(pull) - alpha, 0.0) / safe[..., j]
            weights[..., j] = np.where(norms[..., j] == 0, 0.0, shrunk)
        if np.abs(weights - before).max(initial=0.0) < TOLERANCE:
            break
    return weights
