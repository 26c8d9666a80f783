"""How long indexes will take to be built and searched: by a study that is kept here, else by a trial on a few random vectors."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from app.lab.index_material import FloatArray, Material
from app.lab.index_measuring import PASS_S, PASSES, Row, measure_variant, search_timed
from app.lab.parts import Parts
from app.lab.records import LabRecords
from backends.local.faiss_variants import Variant, plan_variants

TRIAL_VECTORS, TRIAL_QUESTIONS, TRIAL_DEPTH = 1_000, 10, 100
"""What the trial is made on, and chunks that are asked for."""

BUILD_GROWTH: Mapping[str, float] = {"hnsw": 1.1, "ivf": 1.3, "ivf-rabitq": 1.3}
"""Power of the number of vectors with which building takes longer; 1 of other kinds."""

SEARCH_GROWTH: Mapping[str, float] = {"hnsw": 0.2, "ivf": 0.5, "ivf-rabitq": 0.5}
"""The same of a search."""


def expected_seconds(
    parts: Parts, variants: Sequence[Variant], size: int, dimension: int, questions: int
) -> tuple[dict[str, float], bool]:
    """Seconds that each index will take, by its FAISS name, and whether a study that is kept says so; else a trial does, made now.

    What neither says anything of is left out.
    """
    kept = _newest(parts, dimension)
    rows, known = kept or (_trial(dimension), TRIAL_VECTORS)
    seconds = {
        each.factory: found for each in variants if (found := _seconds(each, rows, size / known, questions)) is not None
    }
    return seconds, kept is not None


def _newest(parts: Parts, dimension: int) -> tuple[Sequence[Row], int] | None:
    """The rows of the newest study over vectors of this length, and over how many."""
    for record in LabRecords(parts.settings.data_dir / "lab").newest("index"):
        result = record.result or {}
        if result.get("rows") and result["about"]["dimension"] == dimension and result["about"].get("vectors"):
            return result["rows"], int(result["about"]["vectors"])
    return None


def _seconds(variant: Variant, rows: Sequence[Row], growth: float, questions: int) -> float | None:
    kind, family = variant.kind, _family(variant.factory)
    like = [row for row in rows if _family(row["factory"]) == family]
    if not like:
        return None
    build_s = like[0]["build_s"] * growth ** BUILD_GROWTH.get(kind, 1.0)
    by_effort = {row["effort"]: row["p50_ms"] for row in like}
    usual_ms = sum(by_effort.values()) / len(by_effort)
    slower = growth ** SEARCH_GROWTH.get(kind, 1.0)
    return float(build_s) + sum(
        _search_seconds(by_effort.get(effort, usual_ms) * slower * questions / 1000) for effort in variant.efforts
    )


def _search_seconds(pass_s: float) -> float:
    """Of the pass that warms up, and as many others as are made."""
    return float(pass_s * (1 + int(min(PASSES, max(1, PASS_S // max(pass_s, 1e-9))))))


def _family(factory: str) -> str:
    """An index's name without the number of lists, which follows the number of vectors."""
    return re.sub(r"^IVF\d+", "IVF", factory)


@cache
def _trial(dimension: int) -> Sequence[Row]:
    """Every kind of index, built and searched over random vectors; made once in a process."""
    material = _random(dimension)
    variants, _ = plan_variants(TRIAL_VECTORS, dimension, TRIAL_DEPTH)
    exact: Any = search_timed(_flat(material.vectors), material.questions, TRIAL_DEPTH).ids
    rows: list[Row] = []
    for variant in variants:
        efforts = variant.efforts[:: max(1, len(variant.efforts) - 1)]
        try:
            steps = measure_variant(Variant(variant.factory, efforts), material, (1,), TRIAL_DEPTH, exact)
            rows += [step for step in steps if not isinstance(step, str)]
        except RuntimeError:
            continue
    return rows


def _random(dimension: int) -> Material:
    drawn = np.random.default_rng(0).standard_normal((TRIAL_VECTORS + TRIAL_QUESTIONS, dimension), np.float32)
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    names = tuple(map(str, range(TRIAL_QUESTIONS)))
    return Material(drawn[:TRIAL_VECTORS], drawn[TRIAL_VECTORS:], names, (frozenset(),) * TRIAL_QUESTIONS)


def _flat(vectors: FloatArray) -> Any:
    import faiss

    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    return index
