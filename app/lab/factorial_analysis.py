"""From the runs of a study to what they say: JSON-ready, so that a record holds it. The computation is `evaluation.lab`'s."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import combinations
from typing import Any

import numpy as np

from app.lab.factorial_plan import FACTORS, PlannedCell, short_level
from app.lab.parts import Parts
from evaluation.lab.best_cell import choose_cell, latency_cost
from evaluation.lab.error_paths import count_outcomes, trace_passage
from evaluation.lab.variance import Decomposition, FloatArray, Outcome, decompose, pair_means
from evaluation.scoring import Scored
from evaluation.summary import FEWEST_CLUSTERS, MEASURES
from pipeline.errors import InputError

OUTCOMES: Mapping[str, str] = {
    "right": "correct",
    "f1": "f1",
    "recall": "recall",
    "similarity": "top cosine",
    "latency": "duration, ms",
}
"""What is taken apart, with its measure in `evaluation.summary`."""


def analyse(
    parts: Parts,
    plan: Mapping[str, Any],
    cells: Sequence[PlannedCell],
    runs: Mapping[str, str],
    problems: Mapping[str, str],
) -> dict[str, Any]:
    """What is known of a study: its cells, where variance and errors come from, and which cell to take, over the finished ones.

    runs: the run of each cell that was begun, by name. problems: why cells failed, by name.
    """
    told, scores = [], {}
    for cell in cells:
        run = parts.evaluations.find(runs[cell.name]) if cell.name in runs else None
        status = "failed" if cell.name in problems else "waiting" if run is None else run.status
        problem = problems.get(cell.name, "")
        told.append(
            {
                "name": cell.name,
                "levels": dict(cell.levels),
                "run": None if run is None else run.run_id,
                "status": status,
                "problem": problem,
                "answers": 0 if run is None else run.answers,
            }
        )
        if run is not None and status == "finished":
            scores[cell.name] = {each.question_id: each for each in parts.evaluations.scores(run.run_id)}
    complete = [cell for cell in cells if cell.name in scores]
    found: dict[str, Any] = {"cells": told, "factors": dict(plan["factors"]), "why_not": "", "outcomes": {}}
    if len(complete) < 2:
        return {**found, "why_not": "Fewer than two cells are finished, so that there is nothing to compare."}
    table = _table(complete, scores)
    if not table:
        return {**found, "why_not": "The finished cells share no question."}
    return {**found, **_compare(complete, table)}


Row = Sequence[Scored]
"""One question's answers, in the order of the cells."""


def _table(cells: Sequence[PlannedCell], scores: Mapping[str, Mapping[str, Scored]]) -> list[Row]:
    shared = set.intersection(*(set(scores[cell.name]) for cell in cells))
    return [[scores[cell.name][question] for cell in cells] for question in sorted(shared)]


def _compare(cells: Sequence[PlannedCell], table: Sequence[Row]) -> dict[str, Any]:
    right = _values(table, "correct")
    durations = _values(table, "duration, ms")
    if right is None or durations is None:
        raise InputError("A cell's answers lack a time. Start the study anew.")
    clusters = [row[0].cluster for row in table]
    costs = latency_cost(durations[1])
    choice = choose_cell(right[1], clusters, costs.tolist())
    columns = [[row[place] for row in table] for place in range(len(cells))]
    return {
        "questions": len(table),
        "articles": len(set(clusters)),
        "told": len(set(clusters)) >= FEWEST_CLUSTERS,
        "outcomes": {name: _outcome(cells, table, measure) for name, measure in OUTCOMES.items()},
        "choice": {
            "best": cells[choice.best].name,
            "cheapest": cells[choice.cheapest].name,
            "safe": None if choice.safe is None else cells[choice.safe].name,
            "rivals": [
                {**asdict(rival), "cell": cells[rival.cell].name, "worse": rival.worse} for rival in choice.rivals
            ],
        },
        "errors": [
            {"cell": cell.name, **asdict(count_outcomes(column))} for cell, column in zip(cells, columns, strict=True)
        ],
        "passages": _passages(cells, columns),
    }


def _values(table: Sequence[Row], measure: str) -> tuple[list[int], FloatArray] | None:
    """Places of the questions that count in every cell, and their (questions, cells); None where there is none."""
    found = [[MEASURES[measure](each) for each in row] for row in table]
    kept = [place for place, row in enumerate(found) if all(value is not None for value in row)]
    return (kept, np.array([found[place] for place in kept], np.float64)) if kept else None


def _outcome(cells: Sequence[PlannedCell], table: Sequence[Row], measure: str) -> dict[str, Any]:
    values = _values(table, measure)
    if values is None:
        return {"why_not": "No question counts towards it in every finished cell."}
    kept, numbers = values
    places, levels = _places(cells)
    outcome = Outcome(
        numbers,
        [table[place][0].cluster for place in kept],
        places,
        tuple(len(each) for each in levels),
        FACTORS,
    )
    try:
        found = decompose(outcome)
    except InputError as error:
        return {"why_not": str(error), "mean": float(numbers.mean())}
    if found is None:
        return {
            "why_not": f"It is the same for every question in every cell ({numbers.flat[0]:.3g}), so there is nothing to account for.",
            "mean": float(numbers.mean()),
        }
    return {**_written(found, levels), "questions": len(kept), "pair_means": _pair_means(outcome, levels)}


def _places(cells: Sequence[PlannedCell]) -> tuple[Any, list[list[str]]]:
    """The cells as places in lists of the levels that stand in any of them: a level whose cells all failed is none."""
    levels = [list(dict.fromkeys(cell.levels[name] for cell in cells)) for name in FACTORS]
    rows = [[each.index(cell.levels[name]) for name, each in zip(FACTORS, levels, strict=True)] for cell in cells]
    return np.array(rows, np.int64), levels


def _written(found: Decomposition, levels: Sequence[Sequence[str]]) -> dict[str, Any]:
    varied = [name for name, each in zip(FACTORS, levels, strict=True) if len(each) > 1]
    return {
        "why_not": "",
        "total": found.total,
        "mean": found.mean,
        "question": asdict(found.question),
        "factors": {name: asdict(found.factors[name]) for name in varied},
        "varying": {name: asdict(found.varying[name]) for name in varied},
        "shapley": {name: asdict(found.shapley[name]) for name in varied if name in found.shapley},
        "pairs": [{"first": one, "second": other, **asdict(part)} for (one, other), part in found.pairs.items()],
        "higher": asdict(found.higher),
        "choices": asdict(found.choices),
        "orthogonal": found.orthogonal,
        "levels": [
            {
                "factor": FACTORS[level.factor],
                "level": short_level(levels[level.factor][level.level]),
                "mean": level.mean,
                "difference": level.difference,
                "low": level.low,
                "high": level.high,
            }
            for level in found.levels
        ],
    }


def _pair_means(outcome: Outcome, levels: Sequence[Sequence[str]]) -> list[dict[str, Any]]:
    varied = [place for place, each in enumerate(levels) if len(each) > 1]
    found = []
    for one, other in combinations(varied, 2):
        means = pair_means(outcome, one, other)
        found.append(
            {
                "first": FACTORS[one],
                "second": FACTORS[other],
                "first_levels": [short_level(level) for level in levels[one]],
                "second_levels": [short_level(level) for level in levels[other]],
                "means": [[None if np.isnan(mean) else float(mean) for mean in row] for row in means],
            }
        )
    return found


def _passages(cells: Sequence[PlannedCell], columns: Sequence[Sequence[Scored]]) -> list[dict[str, Any]]:
    everything = [each for column in columns for each in column]
    found = []
    for name in FACTORS:
        levels = list(dict.fromkeys(cell.levels[name] for cell in cells))
        for level in levels if len(levels) > 1 else ():
            chosen = [
                each
                for cell, column in zip(cells, columns, strict=True)
                if cell.levels[name] == level
                for each in column
            ]
            passage = trace_passage(chosen, everything)
            if passage is not None:
                found.append({"factor": name, "level": short_level(level), **asdict(passage)})
    return found
