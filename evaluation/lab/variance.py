"""How much of an outcome each factor of a study accounts for: variance components, with the question as a random effect.

Every question is asked in every cell, so each has effects of its own. By least squares over the cells question q has the effects b_q of a
factor, in columns of mean square 1 over its levels; b is their mean over questions. What the factor does on average is ‖b‖², what it does
otherwise from question to question E‖b_q‖² − ‖b‖². The mean effect is known with an error, whose square would count as an effect: ‖b‖²
is therefore estimated from products of questions of two different articles, (‖Σb_q‖² − Σ_c‖Σ_{q∈c}b_q‖²)/(n² − Σn_c²), which is the
method of moments for balanced data (Searle, Casella and McCulloch 1992, chapter 4) and knows that questions about one article go together.
An estimate may so be a little below 0, where there is no effect. Intervals are 95 % percentiles over resampled articles, held within 0 and
1, where the truth lies; two copies of an article are no two articles. Pure computation.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from math import factorial

import numpy as np
import numpy.typing as npt

from evaluation.lab.design import contrasts
from evaluation.summary import FEWEST_CLUSTERS
from pipeline.errors import InputError

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

RESAMPLES = 1_000
"""Times that articles are drawn again."""

CONSTANT = 1e-12
"""Variance, relative to the mean square, below which an outcome is one and the same, or its cells are on average."""

LEAST_DRAWN = 0.95
"""Share of the drawings that must have variance to share: where a few articles make all of it, an interval would say nothing."""

ALIKE = 1e-9
"""Difference from a mean below which it is none: rounding leaves as much."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came out of every question in every cell."""

    values: FloatArray
    """(questions, cells), finite."""
    clusters: Sequence[str]
    """(questions,): the article of each."""
    cells: IntArray
    """(cells, factors): the level of each, from 0."""
    levels: tuple[int, ...]
    """Levels of each factor."""
    names: tuple[str, ...]
    """Of the factors."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the variance with its interval; the limits are None where nothing is known of them: see LEAST_DRAWN and FEWEST_CLUSTERS."""

    value: float
    """A share of the whole, 1 at most. Below 0 by chance where there is nothing."""
    low: float | None
    """Lower limit, 0 at least."""
    high: float | None
    """Upper limit, 1 at most unless effects cannot be told apart."""


@dataclass(frozen=True, slots=True)
class Level:
    """A level of a factor, on average over the others."""

    factor: int
    """Which factor."""
    level: int
    """Which level."""
    mean: float
    """Of the outcome."""
    difference: float
    """From the mean of the factor's levels."""
    low: float | None
    """Lower limit of the difference, paired over questions."""
    high: float | None
    """Its upper limit."""


@dataclass(frozen=True, slots=True)
class Decomposition:
    """Where the variance of an outcome comes from. Shares are of all of it unless said otherwise."""

    total: float
    """Variance over questions and cells."""
    mean: float
    """Of the outcome."""
    question: Part
    """How hard the question is, whatever is chosen."""
    factors: Mapping[str, Part]
    """What a factor does on average."""
    varying: Mapping[str, Part]
    """What a factor does for some questions and undoes for others."""
    pairs: Mapping[tuple[str, str], Part]
    """What two factors do together beyond what each does; empty where the cells cannot tell."""
    higher: Part
    """What is left between cells: three factors and more together; all of the interaction where pairs cannot be told."""
    choices: Part
    """All that lies between cells on average."""
    shapley: Mapping[str, Part]
    """Shapley values of R² of main effects over the factors, as shares of `choices`: they add up to that R² however the cells lie
    (Lindeman, Merenda and Gold 1980). Empty where nothing between cells can be told from chance."""
    levels: tuple[Level, ...]
    """Of every factor that has more than one."""
    orthogonal: bool
    """Whether the cells tell every effect apart from the others, so that shares add up."""


class Form:
    """Sums of effects by article, from which a mean square and the square of a mean follow, for any weights of the articles."""

    def __init__(self, effects: FloatArray, places: IntArray, clusters: int) -> None:
        """effects: (questions, columns). places: (questions,), the article of each, from 0."""
        self.sums = np.zeros((clusters, effects.shape[1]))
        np.add.at(self.sums, places, effects)
        self.squares = np.bincount(places, (effects**2).sum(axis=1), clusters).astype(np.float64)
        self.sizes = np.bincount(places, minlength=clusters).astype(np.float64)

    def every(self, weights: FloatArray) -> FloatArray:
        """(draws,): E‖b_q‖². weights: (draws, articles), how often each is drawn."""
        return np.asarray(weights @ self.squares / (weights @ self.sizes), np.float64)

    def mean(self, weights: FloatArray) -> FloatArray:
        """(draws,): ‖E b_q‖², without bias."""
        together = ((weights @ self.sums) ** 2).sum(axis=1) - weights**2 @ (self.sums**2).sum(axis=1)
        pairs = (weights @ self.sizes) ** 2 - weights**2 @ self.sizes**2
        return np.asarray(together / np.maximum(pairs, 1e-300), np.float64)


Squares = Callable[[Form, FloatArray], FloatArray]
"""How the square of a mean effect is estimated."""


def decompose(outcome: Outcome, *, seed: int = 0, squares: Squares = Form.mean) -> Decomposition | None:
    """Take an outcome apart; None for one that is the same everywhere.

    squares: how a mean's square is estimated; another is for tests. Raises InputError for fewer than two cells or two articles.
    """
    cells = outcome.values.shape[1]
    places, articles = _count_articles(outcome)
    weights = _weights(articles, seed)
    model = _Model(outcome)

    def form(rows: FloatArray) -> Form:
        return Form(outcome.values @ rows.T, places, articles)

    everything = form(np.eye(cells) / np.sqrt(cells))
    grand = form(np.full((1, cells), 1 / cells))
    total = everything.every(weights) - squares(grand, weights)
    if total[0] <= CONSTANT * max(1e-300, float(everything.every(weights)[0])):
        return None
    told = articles >= FEWEST_CLUSTERS
    part = partial(_part, told=told, most=1.0 if model.orthogonal else np.inf)
    base = form(model.rows("mean"))
    mains = {name: form(model.rows(name)) for name in outcome.names}
    pairs = {pair: form(model.rows(pair)) for pair in model.pairs}
    centred = form((np.eye(cells) - 1 / cells) / np.sqrt(cells))
    between = squares(centred, weights)
    found_mains = {name: squares(each, weights) for name, each in mains.items()}
    found_pairs = {pair: squares(each, weights) for pair, each in pairs.items()}
    rest = squares(form(model.residual() / np.sqrt(cells)), weights)
    choices = _part(between, total, told=told)
    differ = between[0] > CONSTANT * everything.every(weights)[0]
    telling = differ and (not told or (choices.low or 0.0) > 0)
    return Decomposition(
        total=float(total[0]),
        mean=float(outcome.values.mean()),
        question=part(base.every(weights) - squares(base, weights), total),
        factors={name: part(each, total) for name, each in found_mains.items()},
        varying={name: part(mains[name].every(weights) - found_mains[name], total) for name in mains},
        pairs={pair: part(each, total) for pair, each in found_pairs.items()},
        higher=part(rest, total),
        choices=choices,
        shapley={
            name: _part(each, between, told=told) for name, each in _shapley(model, form, weights, squares).items()
        }
        if telling
        else {},
        levels=tuple(_levels(outcome, mains, weights, told)),
        orthogonal=model.orthogonal,
    )


def _count_articles(outcome: Outcome) -> tuple[npt.NDArray[np.intp], int]:
    """Which article each question is about, by number, and how many there are. Raises InputError for fewer than two, or than two cells."""
    cells = outcome.values.shape[1]
    names, places = np.unique(np.array(outcome.clusters, object).astype(str), return_inverse=True)
    if cells < 2 or len(names) < 2:
        raise InputError(
            f"{cells} cells over questions about {len(names)} articles cannot be taken apart. It takes two of each: go on with the study, "
            "or take more questions."
        )
    return places, len(names)


def _part(values: FloatArray, whole: FloatArray, *, told: bool, most: float = 1.0) -> Part:
    """A share of a whole: the estimate is the first of each, its interval that of the rest, from 0 to `most`.

    A drawing without variance has no shares; where these are many, there is no interval.

    told: whether there is one to tell. most: what the truth is at most; effects that go together can each be more than the whole.
    """
    value = float(values[0] / max(whole[0], 1e-300))
    shared = whole[1:] > CONSTANT * whole[0]
    if not told or shared.mean() < LEAST_DRAWN:
        return Part(value, None, None)
    low, high = np.percentile(np.clip(values[1:][shared] / whole[1:][shared], 0.0, most), [2.5, 97.5])
    return Part(value, float(low), float(high))


class _Model:
    """Least squares of effects over the cells."""

    def __init__(self, outcome: Outcome) -> None:
        self.names, self._cells = outcome.names, outcome.cells
        self._columns: dict[object, FloatArray] = {"mean": np.ones((len(outcome.cells), 1))}
        for factor, name in enumerate(outcome.names):
            self._columns[name] = contrasts(outcome.levels[factor])[outcome.cells[:, factor]]
        varied = [name for name, count in zip(outcome.names, outcome.levels, strict=True) if count > 1]
        crossed = {(one, other): self._crossed(one, other) for one, other in combinations(varied, 2)}
        self.pairs: tuple[tuple[str, str], ...] = ()
        if self._estimable(crossed):
            for pair, columns in crossed.items():
                self._columns[pair] = columns
            self.pairs = tuple(crossed)
        design = np.column_stack(list(self._columns.values()))
        if np.linalg.matrix_rank(design) < design.shape[1]:
            raise InputError(
                "The cells that are finished do not tell the factors apart: a level of one goes with a level of another in all of them, or "
                "was never run. Go on with the study."
            )
        gram = design.T @ design / len(design)
        self.orthogonal = bool(np.allclose(gram, np.eye(len(gram)), atol=1e-9))
        self._inverse = np.linalg.pinv(design)
        self._design = design

    def _crossed(self, one: str, other: str) -> FloatArray:
        first, second = self._columns[one], self._columns[other]
        return (first[:, :, None] * second[:, None, :]).reshape(len(first), -1)

    def _estimable(self, crossed: Mapping[tuple[str, str], FloatArray]) -> bool:
        design = np.column_stack([*self._columns.values(), *crossed.values()])
        return bool(np.linalg.matrix_rank(design) == design.shape[1])

    def rows(self, name: object) -> FloatArray:
        """(columns, cells): what turns a question's outcomes into its effects."""
        start = 0
        for each, columns in self._columns.items():
            if each == name:
                return np.asarray(self._inverse[start : start + columns.shape[1]], np.float64)
            start += columns.shape[1]
        raise KeyError(name)

    def residual(self) -> FloatArray:
        """(cells, cells): what the effects leave."""
        return np.asarray(np.eye(len(self._design)) - self._design @ self._inverse, np.float64)

    def explained_by(self, names: Sequence[str]) -> FloatArray:
        """(columns, cells): an orthonormal basis of the main effects of these factors, the mean taken out."""
        if not names:
            return np.zeros((0, len(self._design)))
        columns = np.column_stack([self._columns[name] for name in names])
        basis, _ = np.linalg.qr(columns - columns.mean(axis=0))
        return np.asarray(basis.T, np.float64)


def _weights(clusters: int, seed: int) -> FloatArray:
    """(1 + RESAMPLES, articles): once each, then drawn with replacement."""
    drawn = np.random.default_rng(seed).multinomial(clusters, np.full(clusters, 1 / clusters), RESAMPLES)
    return np.vstack([np.ones(clusters), drawn]).astype(np.float64)


def _shapley(
    model: _Model, form: Callable[[FloatArray], Form], weights: FloatArray, squares: Squares
) -> dict[str, FloatArray]:
    """(draws,) of each factor: its Shapley value in the game of what main effects explain of what lies between cells."""
    varied = [name for name in model.names if model.rows(name).shape[0]]
    cells = model.residual().shape[0]
    worth = {
        frozenset(chosen): squares(form(model.explained_by(chosen) / np.sqrt(cells)), weights)
        for size in range(len(varied) + 1)
        for chosen in combinations(varied, size)
    }
    found = {name: np.zeros(len(weights)) for name in model.names}
    count = len(varied)
    for name in varied:
        for chosen, value in worth.items():
            if name not in chosen:
                often = factorial(len(chosen)) * factorial(count - len(chosen) - 1) / factorial(count)
                found[name] += often * (worth[chosen | {name}] - value)
    return found


def _levels(outcome: Outcome, mains: Mapping[str, Form], weights: FloatArray, told: bool) -> list[Level]:
    grand = float(outcome.values.mean())
    found = []
    for factor, (name, count) in enumerate(zip(outcome.names, outcome.levels, strict=True)):
        form = mains[name]
        effects = (weights @ form.sums / (weights @ form.sizes)[:, None]) @ contrasts(count).T
        for level in range(count) if count > 1 else ():
            mean, low, high = map(_plain, (effects[0, level], *np.percentile(effects[1:, level], [2.5, 97.5])))
            limits = (low, high) if told else (None, None)
            found.append(Level(factor, level, grand + mean, mean, *limits))
    return found


def _plain(difference: float) -> float:
    """A difference, without what rounding leaves of none."""
    return 0.0 if abs(difference) < ALIKE else float(difference)


def pair_means(outcome: Outcome, first: int, second: int) -> FloatArray:
    """(levels of the first, levels of the second): mean outcome of the cells with both; NaN where there is none."""
    means = np.full((outcome.levels[first], outcome.levels[second]), np.nan)
    by_cell = outcome.values.mean(axis=0)
    for one in range(outcome.levels[first]):
        for other in range(outcome.levels[second]):
            chosen = (outcome.cells[:, first] == one) & (outcome.cells[:, second] == other)
            if chosen.any():
                means[one, other] = by_cell[chosen].mean()
    return means
