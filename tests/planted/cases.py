"""Cases to explain: one planted world before one planted model, with all that is scored of it, each once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from backends.local.research.generator import ResearchGenerator
from backends.local.research.white_box import INTEGRATED_STEPS
from explain.lattice import Lattice, fill_lattice
from pipeline.types import AnswerScores, Chunk, Introspection
from tests.planted.claims import SEEDS, open_model
from tests.planted.worlds import CHUNKS, Mechanism, Planted, plant

FloatArray = npt.NDArray[np.float64]

WORLDS = 30
"""Worlds of each mechanism before each model."""

FIRST_WORLD = 1000
"""Seed of the first world: models were chosen by their accuracy on lower ones. No two models see the same world."""


@dataclass(frozen=True)
class Case:
    """One planted world before one model."""

    planted: Planted
    """The world and its truth."""
    model: ResearchGenerator
    """The model that answers."""
    seed: int
    """The world's; also of whatever an explainer draws at random."""

    @cached_property
    def lattice(self) -> Lattice:
        """The planted answer's scores over all subsets of the chunks."""
        planted, model = self.planted, self.model

        def score(sets: Sequence[Sequence[Chunk]]) -> AnswerScores:
            rows = model.score(planted.question, sets, planted.answer)
            return AnswerScores(tuple(model.split_answer(planted.answer)), tuple(map(tuple, rows.tolist())))

        *_, lattice = fill_lattice(score, planted.chunks, at_once=2**CHUNKS)
        return lattice

    @cached_property
    def introspection(self) -> Introspection:
        """Attention and gradients of the planted answer, without integrated gradients."""
        return self.model.introspect(self.planted.question, self.planted.chunks, self.planted.answer)

    @cached_property
    def integrated(self) -> FloatArray:
        """(CHUNKS,): integrated gradients, nats."""
        planted = self.planted
        found = self.model.introspect(
            planted.question, planted.chunks, planted.answer, integrated_steps=INTEGRATED_STEPS
        )
        return np.array(found.integrated)

    def split(self, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Weights (CHUNKS,) of the sources, and of the other chunks."""
        sources = sorted(self.planted.sources)
        return weights[sources], np.delete(weights, sources)


def open_cases(seeds: Iterable[int] = SEEDS, worlds: int = WORLDS) -> list[Case]:
    """`worlds` worlds of each mechanism before each of the models; nothing is scored yet."""
    return [
        Case(plant(mechanism, number), model, number)
        for seed in seeds
        for model in [open_model(seed)]
        for mechanism in Mechanism
        for number in range(FIRST_WORLD + seed * worlds, FIRST_WORLD + (seed + 1) * worlds)
    ]
