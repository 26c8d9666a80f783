"""Runs and calibrations as plain text for a shell."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from app.documents.words import progress_text
from app.explaining.sureness import quality_rows
from app.kit.costs import Spent, spent_to_dict, spent_words
from app.kit.numbers import MISSING, count, percent, rough_time, three_figures
from app.kit.plain import WIDTH, one_line, shortened
from app.kit.wording import when
from app.runs.evaluations import RunStep
from app.runs.measure_names import measure_name
from app.runs.naming import given_name, prompt_words, run_name, run_note, run_tags
from app.runs.record import SYNTHETIC, TYPES, UNCOVERED, named_dataset
from app.runs.types_words import types_words
from evaluation.calibrating import Calibration
from evaluation.runner import RunProgress
from evaluation.summary import Measure, Summary
from metrics.runs import StoredRun

BY_TYPE = ("correct", "f1", "recall")
"""Measures that a shell tells of each type."""


def step_words(step: RunStep) -> str:
    """Where a run is, indexing included, in a line."""
    if step.progress is not None:
        return progress_words(step.progress)
    return "Opening the backend …" if step.indexing is None else progress_text(step.indexing)


def progress_words(progress: RunProgress) -> str:
    """Where a run is, in a line."""
    left = (
        ""
        if progress.left_s is None or progress.done == progress.total
        else f", about {rough_time(progress.left_s)} left"
    )
    failed = f", {progress.failed:,} failed" if progress.failed else ""
    return f"{progress.done:,} of {progress.total:,} asked, {progress.correct:,} right{failed}{left}"


def about_words(run: StoredRun) -> list[str]:
    """A run in a few lines: what was asked, of what, how."""
    about = run.about
    drawn = "" if about.get("limit") is None else f", drawn with seed {about['seed']}"
    named = f" “{given_name(run)}”" if given_name(run) else ""
    lines = [
        f"Run {run.run_id}{named}, {run.status}: {run.answers:,} of {about['questions']:,} questions of "
        f"{one_line(named_dataset(about))}{drawn}",
        f"{about['backend']}, {count(about['top_k'], 'chunk')}{', reranked' if about.get('rerank') else ''}{prompt_words(about)}; started "
        f"{when(run.started_at)}",
    ]
    problems = about.get("problems") or []
    if problems:
        lines.append(f"Left out of the dataset: {'; '.join(map(one_line, problems))}")
    if run_tags(run):
        lines.append(f"Tags: {', '.join(run_tags(run))}")
    if run_note(run):
        lines.append(f"Note: {one_line(run_note(run))}")
    return [
        *lines,
        *filter(None, (_synthetic_words(about), _uncovered_words(about), types_words(about.get(TYPES) or {}))),
    ]


def _synthetic_words(about: Mapping[str, Any]) -> str:
    """That a program wrote some of the questions; empty where none is known to be."""
    found = about.get(SYNTHETIC)
    if not found:
        return ""
    share = (
        "All of its questions are"
        if found == about["questions"]
        else f"{found:,} of its {about['questions']:,} questions are"
    )
    return f"{share} synthetic: a program wrote them from the documents, and people may ask otherwise."


def _uncovered_words(about: Mapping[str, Any]) -> str:
    """Questions that the corpus cannot answer; empty where there are none, or nothing is known of it."""
    found = about.get(UNCOVERED) or {}
    if not found.get("questions"):
        return ""
    more = f" and {found['more']:,} more" if found["more"] else ""
    return (
        f"The corpus cannot answer {count(found['questions'], 'question')}, which count all the same: the document that is named is not "
        f"in it, or does not hold the answer ({', '.join(map(one_line, found['documents']))}{more})."
    )


def run_text(run: StoredRun, summaries: Sequence[Summary], spent: Spent) -> str:
    """A run and its results, in all and by question type, with intervals, and what it cost by the token."""
    whole, *types = summaries
    lines = [*about_words(run), *filter(None, (spent_words(spent),)), ""]
    lines += [
        f"  {measure_name(name):<25} {measure_words(found)}"
        for name, found in whole.measures.items()
        if found.questions
    ]
    if whole.failed:
        lines.append(f"  {count(whole.failed, 'question')} failed, counted as not right.")
    if types:
        heads = "".join(f" {measure_name(name):<22}" for name in BY_TYPE)
        lines += ["", f"{'type':<12} {'n':>5} {heads}".rstrip()]
        for each in types:
            cells = "".join(f" {measure_words(each.measures[name]):<22}" for name in BY_TYPE)
            lines.append(f"{shortened(one_line(each.name), 12):<12} {each.questions:>5} {cells}".rstrip())
    lines += ["", f"In brackets: 95 % intervals over resampled articles; “{MISSING}” where there are fewer than 5."]
    return "\n".join(lines)


def measure_words(found: Measure) -> str:
    """A figure with its interval; “—” for what is not known."""
    if found.value is None:
        return MISSING
    if found.low is None or found.high is None:
        return f"{_value(found.value, found.value)} [{MISSING}]"
    return f"{_value(found.value, found.value)} [{_value(found.low, found.value)}, {_value(found.high, found.value)}]"


def _value(value: float, of: float) -> str:
    """A number as fine as the figure that it belongs to needs; a variance of 0.0003 is not told as 0.000."""
    if 0 < abs(of) < 0.001:
        return three_figures(value)
    return f"{value:.{3 if abs(of) < 10 else 1}f}"


def runs_text(runs: Sequence[StoredRun]) -> str:
    """A line for each run."""
    if not runs:
        return "No run yet. `raglass eval run --dataset builtin` starts one."
    return "\n".join(map(_run_line, runs))


def _run_line(run: StoredRun) -> str:
    right = (run.about.get("figures") or {}).get("correct")
    tags = "".join(f" #{tag}" for tag in run_tags(run))
    counts = f"{run.answers:>6,} of {run.about['questions']:>6,}  {percent(right, 1):>7} right"
    return shortened(f"{run.run_id}  {run.status:<9} {counts}  {run_name(run)}{tags}", WIDTH)


def calibration_text(found: Calibration) -> str:
    """What a fit is worth, and its reliability."""
    lines = [
        f"Fitted on {found.fitted:,} answers of run {found.run_id}, judged on {found.reported:,} about other articles ({found.backend})",
        "",
        f"{'score':<30} {'ECE':>7} {'Brier':>7} {'AUROC':>7} {'AURC':>7}",
    ]
    for name, *values in quality_rows(found):
        lines.append(f"{name:<30}" + "".join(f" {value:>7}" for value in values))
    lines += ["", "Reliability, recalibrated: what was promised, what came true, answers"]
    lines += [f"  {each.mean_score:.2f}  {each.accuracy:.2f}  {each.count:>5}" for each in found.after]
    return "\n".join(lines)


def summaries_to_dict(run: StoredRun, summaries: Sequence[Summary], spent: Spent) -> dict[str, Any]:
    """JSON-ready."""
    return {
        "run_id": run.run_id,
        "status": run.status,
        "started_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(run.started_at)),
        "about": dict(run.about),
        "tokens": spent_to_dict(spent),
        "results": [
            {
                "name": each.name,
                "questions": each.questions,
                "failed": each.failed,
                "measures": {
                    name: {"value": found.value, "low": found.low, "high": found.high, "questions": found.questions}
                    for name, found in each.measures.items()
                },
            }
            for each in summaries
        ],
    }


def expected_words(answers: Sequence[str], *, answerable: bool) -> str:
    """The accepted answers of a question. answerable: whether the documents have one, be it that none is known."""
    return " | ".join(answers) or (MISSING if answerable else "none in the documents")
