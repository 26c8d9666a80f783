"""How often every planted model is right, as committed in `models/accuracy.json`; `python -m tests.planted.claims` measures it anew."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from backends.local.research.generator import ResearchGenerator
from pipeline.types import Chunk, GenerateOptions, Generation
from tests.planted.worlds import UNANSWERABLE, Mechanism, plant

MODELS = Path(__file__).parent / "models"

CLAIMED = MODELS / "accuracy.json"
"""Of each model, by mechanism: the share of WORLDS worlds, seeds 0 to WORLDS - 1, that it answers right with all their chunks."""

LOWEST_ACCURACY = 0.95
"""Share of the worlds of each mechanism that every model must answer right, in [0, 1]."""

SEEDS = range(5)

WORLDS = 50


def open_model(seed: int) -> ResearchGenerator:
    """A planted model, by the seed that it was trained from."""
    return ResearchGenerator(str(MODELS / f"seed-{seed}"), threads=1)


def answer(model: ResearchGenerator, question: str, chunks: Sequence[Chunk]) -> str:
    """What the model says; UNANSWERABLE where it abstains."""
    *_, generation = model.generate(question, chunks, GenerateOptions(max_new_tokens=4))
    if not isinstance(generation, Generation):
        raise TypeError("A generator's last word is its Generation.")
    return UNANSWERABLE if generation.abstained else generation.answer


def count_wrong(model: ResearchGenerator, mechanism: Mechanism, worlds: int) -> int:
    """How many of the first `worlds` worlds the model answers wrong."""
    planted = (plant(mechanism, seed) for seed in range(worlds))
    return sum(answer(model, world.question, world.chunks) != world.answer for world in planted)


def read_claims() -> dict[str, dict[str, float]]:
    """Accuracy in [0, 1] by model folder and mechanism, as committed."""
    claims: dict[str, dict[str, float]] = json.loads(CLAIMED.read_text("utf-8"))
    return claims


def main() -> None:
    """Ask every model and write down how often it was right."""
    claims = {}
    for seed in SEEDS:
        model = open_model(seed)
        claims[model.name] = {mechanism: 1 - count_wrong(model, mechanism, WORLDS) / WORLDS for mechanism in Mechanism}
    text = json.dumps(claims, indent=2) + "\n"
    CLAIMED.write_text(text, "utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
