"""A generator's attention to single tokens of the context, beside what taking those tokens away does to the answer.

Attention is a diagnostic and not evidence; what was measured by removal is. Owns which tokens are shown, which are measured, and how far
the two agree. A ranking of tokens that were chosen because attention or removal is high would be biased: those that are low in both were
left out. So the two are compared over all tokens, or over ones drawn at random.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from explain.explained import NOT_ATTRIBUTABLE_NATS, Explained
from explain.faithfulness import spearman
from pipeline.errors import BackendError, InputError
from pipeline.protocols import AttentionReader
from pipeline.types import AttentionMap

FloatArray = npt.NDArray[np.float64]
MaskArray = npt.NDArray[np.bool_]

MOST_SHOWN = 40
"""Context tokens that a picture shows: rows that can still be read."""

MOST_MEASURED = 80
"""Context tokens up to which each is taken away. Of more, those shown are, and as many drawn at random."""

AT_ONCE = 8
"""Tokens taken away between two looks at the clock; what one forward pass scores together."""

PATIENCE_S = 180.0
"""How long tokens are taken away at most; then gradient × input stands in."""

RESAMPLES = 1000
"""Bootstrap samples of the rank correlation."""

FEWEST_COMPARED = 5
"""Tokens below which a rank correlation says nothing."""

NAMED = 2
"""Tokens that a sentence names of each kind."""


@dataclass(frozen=True)
class Picture:
    """Attention and reliance of one answer of n tokens over m context tokens."""

    seen: AttentionMap
    """Attention, and gradient × input of every token."""
    shown: tuple[int, ...]
    """Places of the tokens that are shown, in the context's order: those with most attention (mean over everything), and those
    with most gradient × input, alternately, up to MOST_SHOWN."""
    drawn: tuple[int, ...]
    """Places of the tokens over which the two are compared: all, or a uniform sample."""
    removed_nats: Mapping[int, FloatArray] = field(default_factory=dict, repr=False)
    """(n,) for each place that was taken away so far: how much less probable each token of the answer is without it."""
    problem: str = ""
    """Why not everything was taken away; empty if it was, or still is being."""

    @cached_property
    def to_measure(self) -> tuple[int, ...]:
        """Places that are taken away, in order."""
        return tuple(sorted({*self.shown, *self.drawn}))

    @property
    def complete(self) -> bool:
        """Whether every token that is to be taken away was."""
        return len(self.removed_nats) == len(self.to_measure)

    @cached_property
    def reliance_nats(self) -> FloatArray:
        """(m,): what each token did for the answer, positive where it made it more probable.

        By removal, v(N) − v(N∖token), and NaN for tokens that were not taken away; gradient × input unless `complete`.
        """
        if not self.complete:
            return np.asarray(self.seen.gradient_input, np.float64)
        found = np.full(len(self.seen.context_tokens), np.nan)
        for place, lost in self.removed_nats.items():
            found[place] = lost.sum()
        return found

    @property
    def compared(self) -> tuple[int, ...]:
        """Places over which the two are compared: without removal, all of them."""
        return self.drawn if self.complete else tuple(range(len(self.seen.context_tokens)))

    @property
    def layers(self) -> int:
        """How many layers there are to choose from."""
        return int(self.seen.attention.shape[0])

    @property
    def heads(self) -> int:
        """How many heads a layer has."""
        return int(self.seen.attention.shape[1])

    @cached_property
    def _mean(self) -> FloatArray:
        found: FloatArray = self.seen.attention.mean(axis=(0, 1), dtype=np.float64)
        return found

    def attention(self, layer: int | None = None, head: int | None = None) -> FloatArray:
        """(n, m): attention of a layer and head, counted from 0; None is the mean over them. Raises InputError for one there is not."""
        return self._mean if layer is None and head is None else self._average(self.seen.attention, layer, head)

    def elsewhere(self, layer: int | None = None, head: int | None = None) -> tuple[float, float]:
        """Shares of the attention on the prompt's other tokens, and on the answer's own earlier ones; means over the answer's tokens."""
        other = float(self._average(self.seen.elsewhere, layer, head).mean())
        return other, max(0.0, 1.0 - other - float(self.attention(layer, head).sum(axis=1).mean()))

    def shown_share(self, layer: int | None = None, head: int | None = None) -> float:
        """Of the attention to chunks, the share on tokens that are shown: in [0, 1]; 1 where there is none."""
        whole = self.attention(layer, head).mean(axis=0)
        total = float(whole.sum())
        return float(whole[list(self.shown)].sum()) / total if total > 0 else 1.0

    def strongest(self, count: int, layer: int | None = None, head: int | None = None) -> list[int]:
        """Places of the tokens with most attention, mean over the answer's tokens, the strongest first."""
        order = np.argsort(-self.attention(layer, head).mean(axis=0), kind="stable")
        return [int(place) for place in order[:count]]

    def _average(self, values: Any, layer: int | None, head: int | None) -> FloatArray:
        for name, chosen, most in (("layer", layer, self.layers), ("head", head, self.heads)):
            if chosen is not None and not 0 <= chosen < most:
                raise InputError(
                    f"There is no {name} {chosen + 1}. Choose one from 1 to {most}, or none for their mean."
                )
        picked = values if layer is None else values[layer : layer + 1]
        picked = picked if head is None else picked[:, head : head + 1]
        # Averaged in double precision without a copy of it all in that.
        found: FloatArray = picked.mean(axis=(0, 1), dtype=np.float64)
        return found


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far attention and reliance rank context tokens alike."""

    tokens: int
    """Tokens that were compared."""
    correlation: float | None
    """Spearman's, of attention and of |reliance|; None for fewer than FEWEST_COMPARED, or where one of them is constant."""
    low: float | None
    """Lower end of a 90 % interval: percentiles over resampled tokens."""
    high: float | None
    """Upper end."""
    only_attended: tuple[int, ...]
    """Places in the top quarter by attention, but in the lower half by |reliance|, and of less than 0.1 nats, most attention first; at
    most NAMED."""
    only_relied_on: tuple[int, ...]
    """Places in the top quarter by |reliance|, and of at least 0.1 nats, but in the lower half by attention, most reliance first."""


def draw_picture(found: Explained, reader: AttentionReader, begun: Picture | None = None) -> Iterator[Picture]:
    """Look at an answer's attention, then take its context tokens away, a few at a time; yields what is known after each step.

    begun: what an earlier call came to, to go on with. A BackendError while taking away ends it with `problem`; before, it is raised.
    """
    picture = begun or _look(found, reader)
    yield picture
    until = time.monotonic() + PATIENCE_S
    n = len(picture.seen.answer_tokens)
    todo = [place for place in picture.to_measure if place not in picture.removed_nats]
    for start in range(0, len(todo), AT_ONCE):
        if time.monotonic() > until:
            yield replace(picture, problem=f"Taking tokens away was ended after {PATIENCE_S:.0f} s.")
            return
        places = todo[start : start + AT_ONCE]
        try:
            without = reader.remove_tokens(found.trace.question, found.chunks, found.answer, places)
        except BackendError as error:
            yield replace(picture, problem=str(error))
            return
        lost = np.asarray(picture.seen.logprobs_nats, np.float64) - np.asarray(without, np.float64)[:, :n]
        removed = {**picture.removed_nats, **dict(zip(places, lost, strict=True))}
        picture = replace(picture, removed_nats=removed, problem="")
        yield picture


def _look(found: Explained, reader: AttentionReader) -> Picture:
    """Attention, and the choice of tokens. Raises InputError for chunks without a token."""
    seen = reader.map_attention(found.trace.question, found.chunks, found.answer)
    m = len(seen.context_tokens)
    if m == 0:
        raise InputError("The chunks have no token that the answer could attend to.")
    by_attention = np.argsort(-seen.attention.mean(axis=(0, 1, 2), dtype=np.float64), kind="stable")
    by_gradient = np.argsort(-np.abs(seen.gradient_input), kind="stable")
    # One from each in turn, each place once.
    turns = dict.fromkeys(np.stack([by_attention, by_gradient], axis=1).ravel().tolist())
    shown = tuple(sorted(list(turns)[:MOST_SHOWN]))
    sample = (
        np.random.default_rng(0).choice(m, MOST_MEASURED - MOST_SHOWN, replace=False) if m > MOST_MEASURED else range(m)
    )
    return Picture(seen, shown, tuple(sorted(int(place) for place in sample)))


def compare(picture: Picture, layer: int | None = None, head: int | None = None) -> Agreement:
    """Attention of a layer and head (None: mean) against reliance, whichever way reliance was taken.

    The correlation is over `compared`; the tokens where the two part are looked for among all whose reliance is known.
    """
    attention = picture.attention(layer, head).mean(axis=0)
    strength = np.abs(picture.reliance_nats)
    places = list(picture.compared)
    low = high = correlation = None
    if len(places) >= FEWEST_COMPARED:
        correlation = spearman(attention[places], strength[places])
    if correlation is not None:
        low, high = _interval(attention[places], strength[places])
    known = np.isfinite(strength)
    seen, unseen = _upper_and_lower(attention, known)
    needed, idle = _upper_and_lower(strength, known)
    did_nothing = strength < NOT_ATTRIBUTABLE_NATS
    return Agreement(
        len(places),
        correlation,
        low,
        high,
        _highest(attention, seen & idle & did_nothing),
        _highest(strength, needed & unseen & ~did_nothing),
    )


def _upper_and_lower(values: FloatArray, known: MaskArray) -> tuple[MaskArray, MaskArray]:
    """(m,) twice: which of the known values are in the top quarter of them, and which in the lower half. Of a few, none are."""
    if known.sum() < FEWEST_COMPARED:
        return np.zeros_like(known), np.zeros_like(known)
    top, middle = np.quantile(values[known], 0.75), np.median(values[known])
    return known & (values > top), known & (values < middle)


def _highest(values: FloatArray, among: MaskArray) -> tuple[int, ...]:
    """Places of the highest values among some, at most NAMED."""
    return tuple(sorted(np.flatnonzero(among).tolist(), key=lambda place: -values[place])[:NAMED])


def _interval(one: FloatArray, other: FloatArray) -> tuple[float | None, float | None]:
    """5th and 95th percentile of Spearman's correlation over resampled tokens; samples in which nothing varies say nothing."""
    rng = np.random.default_rng(0)
    picks = rng.integers(len(one), size=(RESAMPLES, len(one)))
    found = [value for pick in picks if (value := spearman(one[pick], other[pick])) is not None]
    if not found:
        return None, None
    low, high = np.percentile(found, [5, 95])
    return float(low), float(high)
