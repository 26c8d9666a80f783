"""Drift: how far an index has moved from what it was, and whether the questions and scores of a window still are those of another.

NumPy alone: the dashboard does not carry scipy, which the tests hold this against. Refuses to know where vectors come from.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evaluation.agreement import correct_for_chance
from evaluation.paired import ALPHA, holm
from evaluation.summary import FloatArray
from pipeline.errors import InputError

NEIGHBOURS = 10
"""Of a chunk, for the overlap of neighbourhoods."""

PERMUTATIONS = 1_000

MOST_CHUNKS, MOST_CENTRES, MOST_QUESTIONS = 20_000, 1_000, 1_000
"""Where there are more, so many are drawn at random: of chunks in both indexes, of those whose neighbours are looked at, of a window."""

FEWEST_QUESTIONS = 10
"""In a window, below which it is held against nothing."""

PSI_BINS = 10

SMALLEST_P = 1e-12
"""Of a Kolmogorov–Smirnov test: it is computed no more finely."""


@dataclass(frozen=True, slots=True)
class IndexDrift:
    """Two sets of vectors of the same chunks."""

    shared: int
    """Chunks in both."""
    added: int
    """Chunks only in the later one."""
    removed: int
    """Chunks only in the earlier one."""
    neighbour_overlap: float
    """Mean share of a chunk's nearest chunks that stayed the same, in [0, 1]: what a search would notice."""
    neighbour_overlap_corrected: float | None
    """The same beyond chance; None where every chunk is a neighbour."""
    procrustes_residual: float
    """What is left between them after the best rotation, in [0, 1]; 0 for vectors that were only turned or mirrored."""
    cka: float
    """Linear centred kernel alignment, in [0, 1]; 1 for vectors that were only turned, moved or scaled."""
    centroid_shift: float | None
    """Distance of the two means, in [0, 2] for vectors of length 1; None for vectors of different dimensions."""


def measure_index_drift(
    before_ids: Sequence[str],
    before: npt.ArrayLike,
    after_ids: Sequence[str],
    after: npt.ArrayLike,
    *,
    neighbours: int = NEIGHBOURS,
    seed: int = 0,
) -> IndexDrift:
    """Hold (n, d) vectors of one index against (m, e) of another, by chunk id; d and e may differ.

    Only chunks in both are compared. Raises InputError where fewer than three are, for repeated ids, or vectors that are no finite numbers.
    """
    rows_before, rows_after = _by_id(before_ids, before), _by_id(after_ids, after)
    shared = [chunk_id for chunk_id in rows_before if chunk_id in rows_after]
    if len(shared) < 3:
        raise InputError(f"The two indexes have {len(shared)} chunks in common; at least 3 are needed to compare them.")
    draw = np.random.default_rng(seed)
    compared = [shared[place] for place in sorted(draw.permutation(len(shared))[:MOST_CHUNKS].tolist())]
    x, y = (np.stack([rows[chunk_id] for chunk_id in compared]) for rows in (rows_before, rows_after))
    k = min(neighbours, len(compared) - 1)
    centres = np.sort(draw.permutation(len(compared))[:MOST_CENTRES])
    overlap = neighbour_overlap(x, y, k, centres)
    return IndexDrift(
        len(shared),
        len(rows_after) - len(shared),
        len(rows_before) - len(shared),
        overlap,
        correct_for_chance(overlap, k / (len(compared) - 1)),
        procrustes_residual(x, y),
        linear_cka(x, y),
        float(np.linalg.norm(x.mean(axis=0) - y.mean(axis=0))) if x.shape[1] == y.shape[1] else None,
    )


def neighbour_overlap(x: FloatArray, y: FloatArray, k: int, centres: npt.NDArray[np.int64]) -> float:
    """Mean share of the k nearest rows, by cosine, that are the same in (n, d) and (n, e) vectors, around the rows `centres`."""
    near_x, near_y = _nearest(x, k, centres), _nearest(y, k, centres)
    return float(np.mean([np.isin(a, b).sum() / k for a, b in zip(near_x, near_y, strict=True)]))


def procrustes_residual(x: FloatArray, y: FloatArray) -> float:
    """min over orthogonal Q of ‖XQ − Y‖² / (‖X‖² + ‖Y‖²), in [0, 1] (Schönemann 1966); the smaller dimension is filled up with zeros."""
    size = float(np.sum(x**2) + np.sum(y**2))
    singular = np.linalg.svd(x.T @ y, compute_uv=False)
    return max(0.0, 1 - 2 * float(singular.sum()) / size) if size > 0 else 0.0


def linear_cka(x: FloatArray, y: FloatArray) -> float:
    """‖YᵀX‖² / (‖XᵀX‖ ‖YᵀY‖) of centred vectors, Frobenius norms (Kornblith et al. 2019, arXiv 1905.00414).

    Where all vectors of a side are the same: 1 if those of the other are too, else 0.
    """
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    spread = float(np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))
    if spread <= 1e-24:
        return float(np.allclose(x, 0) and np.allclose(y, 0))
    return min(1.0, float(np.linalg.norm(y.T @ x)) ** 2 / spread)


@dataclass(frozen=True, slots=True)
class Window:
    """Questions of one stretch of time."""

    name: str
    """What it is called; unique among the windows held against one reference."""
    vectors: npt.ArrayLike
    """(n, d): the questions' vectors."""
    scores: npt.ArrayLike | None
    """(n,): the score of each question's first chunk; None where not all have one, and none is compared."""


@dataclass(frozen=True, slots=True)
class WindowDrift:
    """A window held against the reference."""

    name: str
    """The window."""
    questions: int
    """Its questions."""
    mmd2: float
    """Squared maximum mean discrepancy of the questions' vectors, unbiased: about 0, also below, for no drift."""
    mmd_p: float
    """Its p value."""
    mmd_p_adjusted: float
    """The same, corrected over both tests of all windows."""
    ks: float | None
    """Kolmogorov–Smirnov distance of the first scores, in [0, 1]; None, as the three that follow, where scores are not known."""
    ks_p: float | None
    """Its p value."""
    ks_p_adjusted: float | None
    """The same, corrected over both tests of all windows."""
    psi: float | None
    """Population stability index of the first scores: by custom, below .1 is little, above .25 much. It grows as windows shrink."""

    @property
    def drifted(self) -> bool:
        """Whether questions or scores are others than those of the reference, by the corrected tests."""
        return any(p is not None and p < ALPHA for p in (self.mmd_p_adjusted, self.ks_p_adjusted))


def measure_window_drift(
    reference: Window,
    windows: Sequence[Window],
    *,
    correction: str = "holm",
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> list[WindowDrift]:
    """Hold each window against the reference.

    correction: `holm`, which keeps the chance of any false alarm at 5 %, or `bh`, which keeps the share of false ones among the alarms
    there. The finest p of a permutation test is 1/(permutations + 1): more windows need more of them. Raises InputError for a window of
    fewer than FEWEST_QUESTIONS, names that repeat, or numbers that are none.
    """
    if correction not in _CORRECTIONS or len({window.name for window in windows}) != len(windows):
        raise InputError(f"Windows need names of their own, and a correction that is holm or bh, not {correction!r}.")
    draw = np.random.default_rng(seed)
    vectors, scores = _read_window(reference, draw)
    found = []
    for window in windows:
        others, other_scores = _read_window(window, draw)
        if others.shape[1] != vectors.shape[1]:
            raise InputError(f"The vectors of {window.name} have another dimension than those of {reference.name}.")
        found.append(
            (
                window.name,
                len(np.asarray(window.vectors)),
                mmd_test(vectors, others, permutations, draw),
                None if scores is None or other_scores is None else _compare_scores(scores, other_scores),
            )
        )
    tests = {f"mmd {name}": mmd[1] for name, _, mmd, _ in found}
    tests |= {f"ks {name}": scored[1] for name, _, _, scored in found if scored is not None}
    adjusted = _CORRECTIONS[correction](tests)

    def told(name: str, size: int, mmd: tuple[float, float], scored: tuple[float, float, float] | None) -> WindowDrift:
        ks, ks_p, psi = scored or (None, None, None)
        return WindowDrift(name, size, *mmd, adjusted[f"mmd {name}"], ks, ks_p, adjusted.get(f"ks {name}"), psi)

    return [told(*each) for each in found]


def _compare_scores(reference: FloatArray, other: FloatArray) -> tuple[float, float, float]:
    """Kolmogorov–Smirnov distance of scores, its p value, and their stability index."""
    return *ks_test(reference, other), stability_index(reference, other)


def mmd_test(x: FloatArray, y: FloatArray, permutations: int, draw: np.random.Generator) -> tuple[float, float]:
    """Unbiased MMD² of (m, d) and (n, d) vectors and its permutation p (Gretton et al. 2012, JMLR 13:723, eq. 3).

    The kernel is exp(−‖a − b‖²/2σ²), σ the median distance of the pooled vectors. p counts the seen split among the permutations.
    """
    kernel = _kernel(np.concatenate([x, y]))
    if kernel is None:
        return 0.0, 1.0
    values = _split_values(kernel, len(x), permutations, draw)
    reached = int(np.sum(values[1:] >= values[0] - 1e-12))
    return float(values[0]), (reached + 1) / (permutations + 1)


def mmd_level(x: FloatArray, size: int, permutations: int, draw: np.random.Generator) -> float:
    """The MMD² that `size` of (n, d) vectors, drawn at random, and the n − size others stay below in 19 of 20 draws: a control limit.

    Raises InputError where either side would have fewer than 2.
    """
    if not 2 <= size <= len(x) - 2:
        raise InputError(f"{size} of {len(x)} questions cannot be held against the others; each side needs 2.")
    kernel = _kernel(x)
    if kernel is None:
        return 0.0
    return float(np.quantile(_split_values(kernel, size, permutations, draw)[1:], 1 - ALPHA))


def _kernel(pooled: FloatArray) -> FloatArray | None:
    """(n, n): the Gaussian kernel of n vectors, its diagonal 0; None where all are the same."""
    squares = np.sum(pooled**2, axis=1)
    distances = np.maximum(squares[:, None] + squares - 2 * pooled @ pooled.T, 0)
    pairs = distances[np.triu_indices(len(pooled), 1)]
    apart = pairs[pairs > 1e-12]
    if len(apart) == 0:
        return None
    median = float(np.median(pairs))
    kernel: FloatArray = np.exp(-distances / (2 * (median if median > 1e-12 else float(apart.mean()))))
    np.fill_diagonal(kernel, 0)
    return kernel


def _split_values(kernel: FloatArray, size: int, permutations: int, draw: np.random.Generator) -> FloatArray:
    """(permutations + 1,): MMD² of the first `size` against the others, then of as many drawn at random."""
    members = np.zeros((permutations + 1, len(kernel)))
    members[0, :size] = 1
    for row in members[1:]:
        row[draw.permutation(len(kernel))[:size]] = 1
    return _mmd2(kernel, members, size, len(kernel) - size)


def _mmd2(kernel: FloatArray, members: FloatArray, m: int, n: int) -> FloatArray:
    """(splits,): MMD² where rows of `members` mark the m of the first side; the kernel's diagonal is 0."""
    within = np.einsum("ij,ij->i", members @ kernel, members)
    touching = members @ kernel.sum(axis=1)
    between = touching - within
    others = float(kernel.sum()) - 2 * between - within
    found: FloatArray = within / (m * (m - 1)) + others / (n * (n - 1)) - 2 * between / (m * n)
    return found


def ks_test(x: FloatArray, y: FloatArray) -> tuple[float, float]:
    """Two-sample Kolmogorov–Smirnov distance and its exact two-sided p, at least SMALLEST_P; with ties, p is on the safe side.

    p is the share of lattice paths from (0, 0) to (m, n) that stray as far from the diagonal (Hodges 1958, Ark. Mat. 3:469).
    """
    m, n = len(x), len(y)
    values = np.unique(np.concatenate([x, y]))
    below = [np.searchsorted(np.sort(side), values, side="right") for side in (x, y)]
    farthest = int(np.abs(below[0] * n - below[1] * m).max())
    row, log_scale = np.zeros(n + 1), 0.0
    row[0] = 1.0
    steps = np.arange(n + 1) * m
    for i in range(m + 1):
        row = np.cumsum(row * (np.abs(i * n - steps) < farthest)) * (np.abs(i * n - steps) < farthest)
        largest = float(row.max())
        if largest == 0:
            return farthest / (m * n), 1.0
        row, log_scale = row / largest, log_scale + math.log(largest)
    paths = math.lgamma(m + n + 1) - math.lgamma(m + 1) - math.lgamma(n + 1)
    inside = float(row[n]) * math.exp(min(log_scale - paths, 0.0))
    return farthest / (m * n), min(1.0, max(SMALLEST_P, 1 - inside))


def stability_index(reference: FloatArray, other: FloatArray, bins: int = PSI_BINS) -> float:
    """PSI = Σ (a − e) ln(a/e) over bins that hold equal shares of the reference; 0 for the same values.

    Half an observation is added to each bin, so that an empty one does not make it infinite.
    """
    edges = np.unique(np.quantile(reference, np.linspace(0, 1, bins + 1)[1:-1]))
    shares = []
    for values in (reference, other):
        counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1) + 0.5
        shares.append(counts / counts.sum())
    return float(np.sum((shares[1] - shares[0]) * np.log(shares[1] / shares[0])))


def benjamini_hochberg(p_values: Mapping[str, float]) -> dict[str, float]:
    """p values adjusted so that of those below .05 at most 5 % are there by chance (Benjamini and Hochberg 1995)."""
    adjusted: dict[str, float] = {}
    lowest = 1.0
    for place, (name, p) in enumerate(sorted(p_values.items(), key=lambda item: -item[1])):
        lowest = min(lowest, p * len(p_values) / (len(p_values) - place))
        adjusted[name] = lowest
    return {name: adjusted[name] for name in p_values}


_CORRECTIONS: Mapping[str, Callable[[Mapping[str, float]], dict[str, float]]] = {
    "holm": holm,
    "bh": benjamini_hochberg,
}


def _nearest(vectors: FloatArray, k: int, centres: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """(centres, k): rows nearest by cosine to each of the centres, itself left out, in no order."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.where(lengths > 0, lengths, 1)
    cosines = unit[centres] @ unit.T
    cosines[np.arange(len(centres)), centres] = -np.inf
    found: npt.NDArray[np.int64] = np.argpartition(-cosines, k - 1, axis=1)[:, :k]
    return found


def _by_id(ids: Sequence[str], vectors: npt.ArrayLike) -> dict[str, FloatArray]:
    rows = _matrix(vectors, "an index")
    found = dict(zip(ids, rows, strict=False))
    if len(ids) != len(rows) or len(found) != len(rows):
        raise InputError(f"{len(rows)} vectors of an index need as many ids, each its own; there are {len(set(ids))}.")
    return found


def _read_window(window: Window, draw: np.random.Generator) -> tuple[FloatArray, FloatArray | None]:
    """Vectors and scores of a window, at most MOST_QUESTIONS of them."""
    vectors = _matrix(window.vectors, window.name)
    scores = None if window.scores is None else np.asarray(window.scores, np.float64)
    if scores is not None and (scores.shape != (len(vectors),) or not np.isfinite(scores).all()):
        raise InputError(f"The window {window.name} needs a finite score for each of its {len(vectors)} questions.")
    if len(vectors) < FEWEST_QUESTIONS:
        raise InputError(
            f"The window {window.name} has {len(vectors)} questions; at least {FEWEST_QUESTIONS} are needed. Make it longer."
        )
    places = np.sort(draw.permutation(len(vectors))[:MOST_QUESTIONS])
    return vectors[places], None if scores is None else scores[places]


def _matrix(vectors: npt.ArrayLike, of_what: str) -> FloatArray:
    rows = np.asarray(vectors, np.float64)
    if rows.ndim != 2 or not np.isfinite(rows).all():
        raise InputError(f"The vectors of {of_what} must be rows of finite numbers.")
    return rows
