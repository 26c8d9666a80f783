"""Stability as plain text for a shell, and for a program."""

import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from app.kit.numbers import count, fixed, percent, rough_time, share
from app.kit.plain import WIDTH, one_line, shortened
from app.kit.wording import listed, when
from app.runs.estimate import estimate_words as run_words
from app.runs.words import measure_words
from app.stability.kept import KeptResult
from app.stability.perturbed import StabilityPlan, StabilityStep
from evaluation.stability import Cell, QuestionStability, Variant, summarise_stability
from evaluation.summary import ALL, UNTYPED
from metrics.store import TraceStore

SHOWN = (("overlap", "overlap@{k}"), ("rbo", "RBO"), ("answer changed", "answers changed"))
"""Measures that the tables show, and what they are called there."""

MOST_PROBLEMS = 5

MOST_MOVERS = 3
"""Kinds of change that the headline names."""

NONE_KEPT = "No result is kept yet. `raglass stability` measures one."


def estimate_words(step: StabilityStep) -> str:
    """What is about to be asked, and how long it will take."""
    of = "" if step.total == step.available else f" of {step.available:,} (--limit sets how many)"
    return (
        f"{step.name}: {step.total:,} questions{of}, up to {count(step.asks, 'ask')}, about {rough_time(step.left_s)}"
    )


def ahead_words(store: TraceStore, plan: StabilityPlan) -> str:
    """What a measurement will ask, before it is begun, and how long it will take: an upper bound, as not every question has every variant.

    plan: with a limit that the dataset has.
    """
    questions, kinds = plan.limit or 0, len(plan.kinds)
    asks = questions * (1 + kinds * plan.variants)
    told = f"{count(questions, 'question')} as they stand, and in {count(kinds, 'way')} × {count(plan.variants, 'variant')}: "
    return f"{told}at most {count(asks, 'answer')}. {run_words(store, plan.backend, asks, 1, noun='answer')}"


def progress_words(step: StabilityStep) -> str:
    """Where it is, in a line."""
    return f"{len(step.results):,} of {step.total:,} questions, about {rough_time(step.left_s)} left"


def part_words(step: StabilityStep) -> str:
    """That a result is of a part of the questions."""
    return f"A part: {len(step.results):,} of {count(step.total, 'question')} asked. What is said below is about these alone."


def headline(results: Sequence[QuestionStability], cells: Sequence[Cell]) -> str:
    """How many of the answers stayed the same, and what moved them most: the kinds' own figures, as tables and charts have them."""
    moved = [variant.changed for each in results for variant in each.variants]
    total, changed = len(moved), sum(moved)
    if not total:
        return "No variant was answered."
    if not changed:
        return f"All {total:,} answers stayed the same."
    shares = [(cell.measures["answer changed"].value or 0.0, cell.kind) for cell in cells if cell.type == ALL]
    most = sorted((each for each in shares if each[0] > 0), reverse=True)
    named, others = most[:MOST_MOVERS], most[MOST_MOVERS:]
    alike = sum(part == named[-1][0] for part, _ in others)
    told = listed(
        [f"{kind} ({percent(part)} changed)" for part, kind in named] + ([f"{alike:,} more alike"] if alike else [])
    )
    return f"{total - changed:,} of {total:,} answers stayed the same ({share(total - changed, total)}). Moved most by: {told}."


def sides_words(results: Sequence[QuestionStability]) -> str:
    """What the changed answers did to being right; empty where none changed."""
    changed = [(each.correct, variant.correct) for each in results for variant in each.variants if variant.changed]
    if not changed:
        return ""
    lost, gained = changed.count((True, False)), changed.count((False, True))
    return (
        f"Of the {len(changed):,} that changed, {lost:,} are no longer right, and {gained:,} are right that were not."
    )


@dataclass(frozen=True, slots=True)
class Change:
    """A variant beside the question as it stands."""

    question: QuestionStability
    """The question with its first answer."""
    variant: Variant
    """The variant with the new one."""


def chosen_variants(
    results: Sequence[QuestionStability], kind: str | None, type_: str | None, *, changed: bool
) -> list[Change]:
    """Variants of a kind and of questions of a type, None for any; those with another answer first, or, if changed, they alone."""
    found = [
        Change(each, variant)
        for each in results
        if type_ in (None, ALL, each.question.type or UNTYPED)
        for variant in each.variants
        if kind in (None, variant.kind) and (variant.changed or not changed)
    ]
    return sorted(found, key=lambda each: not each.variant.changed)


def kept_text(results: Sequence[KeptResult]) -> str:
    """A line for each kept result."""
    if not results:
        return NONE_KEPT
    return "\n".join(
        shortened(
            f"{each.kept_id}  {when(each.kept_at)}  {share(each.same, each.variants):>5} the same  {asked_words(each)} of "
            f"{one_line(each.name)}, {each.backend}, {count(each.top_k, 'chunk')}",
            WIDTH,
        )
        for each in results
    )


def asked_words(result: KeptResult) -> str:
    """How many questions were asked: "60 questions", "12 of 60 questions"."""
    part = "" if result.asked == result.total else f"{result.asked:,} of "
    return f"{part}{count(result.total, 'question')}"


def stability_text(plan: StabilityPlan, step: StabilityStep) -> str:
    """Tables of perturbation × question type, with intervals over all questions."""
    cells = summarise_stability(step.results, seed=plan.seed)
    stopped = f", stopped after {len(step.results):,}" if len(step.results) < step.total else ""
    asked = f"{one_line(step.name)}: {step.total:,} questions of {step.available:,}, seed {plan.seed}{stopped}"
    told = [
        line
        for text in (headline(step.results, cells), sides_words(step.results))
        for line in textwrap.wrap(text, WIDTH)
    ]
    lines = [f"{asked}; {plan.backend}, {count(plan.top_k, 'chunk')}", *told, "", *_whole_table(cells, plan.top_k)]
    types = list(dict.fromkeys(cell.type for cell in cells if cell.type != ALL))
    if types:
        lines += ["", *_counts_table(step.results, types)]
    for name, title in SHOWN if types else ():
        lines += ["", *_type_table(cells, name, title.format(k=plan.top_k))]
    lines += ["", *(line for note in notes(step.results, cells) for line in textwrap.wrap(note, WIDTH))]
    lines.append("In brackets: 95 % intervals over resampled articles.")
    return "\n".join(lines)


def _whole_table(cells: Sequence[Cell], top_k: int) -> list[str]:
    titles = "".join(f" {title.format(k=top_k):<22}" for _, title in SHOWN)
    lines = [f"{'changed':<17} {'asks':>6} {titles}".rstrip()]
    for cell in cells:
        if cell.type == ALL:
            figures = "".join(f" {measure_words(cell.measures[name]):<22}" for name, _ in SHOWN)
            lines.append(f"{cell.kind:<17} {cell.variants:>6,} {figures}".rstrip())
    return lines


def _type_table(cells: Sequence[Cell], name: str, title: str) -> list[str]:
    kinds, types, values = heat_rows(cells, name)
    lines = [_row(title, [shortened(one_line(each), 8) for each in types])]
    for kind, row in zip(kinds, values, strict=True):
        lines.append(_row(kind, [fixed(value) for value in row]))
    return lines


def heat_rows(cells: Sequence[Cell], name: str) -> tuple[list[str], list[str], list[list[float | None]]]:
    """Kinds, types (`all` first) and (kinds × types) values of one measure; kinds that do not have it are left out."""
    by_place = {(cell.kind, cell.type): cell.measures[name].value for cell in cells}
    kinds = [kind for kind in dict.fromkeys(cell.kind for cell in cells) if by_place.get((kind, ALL)) is not None]
    types = [ALL, *dict.fromkeys(cell.type for cell in cells if cell.type != ALL)]
    return kinds, types, [[by_place.get((kind, each)) for each in types] for kind in kinds]


def counted_types(cells: Sequence[Cell], types: Sequence[str]) -> list[str]:
    """Types with how many questions each has: "DATE (4)"."""
    counts = {cell.type: cell.questions + cell.not_varied for cell in cells}
    return [f"{each} ({counts[each]:,})" for each in types]


def _counts_table(results: Sequence[QuestionStability], types: Sequence[str]) -> list[str]:
    counts = Counter(each.question.type or UNTYPED for each in results)
    return [
        _row("questions", [shortened(one_line(each), 8) for each in (ALL, *types)]),
        _row("", [f"{each:,}" for each in (len(results), *(counts[name] for name in types))]),
    ]


def _row(title: str, cells: Sequence[str]) -> str:
    return f"{title:<17}" + "".join(f" {cell:>8}" for cell in cells)


def notes(results: Sequence[QuestionStability], cells: Sequence[Cell]) -> list[str]:
    """What was left out, and what the figures mean."""
    lines = [
        f"{cell.kind}: {count(cell.not_varied, 'question')} could not be changed in this way."
        for cell in cells
        if cell.type == ALL and cell.not_varied
    ]
    problems = [each for each in results if each.problem]
    lines += [f"not asked: {one_line(each.question.text)} ({each.problem})" for each in problems[:MOST_PROBLEMS]]
    if len(problems) > MOST_PROBLEMS:
        lines.append(f"and {len(problems) - MOST_PROBLEMS:,} more")
    failed = sum(each.failed for each in results)
    if failed:
        lines.append(f"{count(failed, 'ask')} failed and were left out.")
    return [
        *lines,
        "Every figure of a way of changing is a mean over questions, of the mean of each one’s variants.",
        "Overlap and RBO are 1 where the same chunks were found, RBO only in the same order. An answer has changed if it has fewer words "
        "in common with the first one than two ways of saying the same have, or if just one of the two is an abstention.",
    ]


def stability_to_dict(plan: StabilityPlan, step: StabilityStep) -> dict[str, Any]:
    """JSON-ready: the plan, every cell with every measure, and every question with its variants."""
    return {
        "plan": asdict(plan),
        "questions": step.total,
        "asked": len(step.results),
        "cells": [asdict(cell) for cell in summarise_stability(step.results, seed=plan.seed)],
        "results": [
            asdict(each) | {"variants": [asdict(v) | {"changed": v.changed} for v in each.variants]}
            for each in step.results
        ],
    }
