"""Whether the embedded profile's confidence is a probability of being right, and what recalibration makes of it.

    python -m benchmarks.bench_calibration [--squad PATH] [--cache DIR]

Fitted on the fit articles and reported on the others, the split of the reader's own weights, so that nothing has seen an article it is
judged on. Judged are answers given; an answer to an unanswerable question is wrong, an abstention is none. Intervals are 95 %
bootstrap over articles; that of ECE leans upward, since drawing again adds noise, which ECE takes for error.
SQuAD: 500 answerable and 250 unanswerable questions of either half, seed 0.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from platformdirs import user_cache_path

from benchmarks.bench_quality import run_reader, to_text, with_interval
from benchmarks.labelled import SQUAD, Dataset, Question, read_builtin, read_squad, sample
from benchmarks.measures import Array, auroc_or_nan
from benchmarks.searched import SearchedCorpus
from benchmarks.span_cache import CachedSpans
from benchmarks.vector_cache import CachedEmbedder
from explain.calibration import (
    Recalibration,
    aurc,
    brier_score,
    calibration_error,
    fit_isotonic,
    fit_temperature,
    length_scores,
)
from pipeline.errors import InputError

RANKING: dict[str, Callable[..., float]] = {"AUROC": auroc_or_nan, "AURC": aurc}
PROBABILITY: dict[str, Callable[..., float]] = {"ECE": calibration_error, "Brier": brier_score} | RANKING


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers given to some questions."""

    asked: int
    """How many questions."""
    confidence: Array
    """(n,): as the reader gives it, of n answers."""
    length: Array
    """(n,): the baseline."""
    right: Array
    """(n,): 1 if the answer holds a gold string, else 0."""
    articles: list[str]
    """(n,): what each is about."""

    def __str__(self) -> str:
        return f"{len(self.right)} of {self.asked} questions answered, {len(set(self.articles))} articles, {self.right.mean():.0%} right"


def answer(corpus: SearchedCorpus, questions: list[Question], embedder: CachedEmbedder, spans: CachedSpans) -> Answers:
    """Ask the profile as it is shipped."""
    vectors = np.asarray(embedder.embed([question.text for question in questions], "query"), np.float32)
    every = run_reader(corpus, questions, vectors, embedder, spans)
    given = every.only([not abstained for abstained in every.abstained])
    return Answers(
        len(questions),
        np.array(given.chance),
        length_scores(given.answer),
        np.array([q.answerable and shown for q, shown in zip(given.questions, given.shown, strict=True)], float),
        [question.article for question in given.questions],
    )


def measure(fit: Answers, report: Answers) -> dict[str, dict[str, Any]]:
    """By score: every figure that makes sense of it, on the report half."""

    def figures(scores: Array, kinds: dict[str, Callable[..., float]]) -> dict[str, Any]:
        return {
            name: with_interval(figure, scores, report.right, clusters=report.articles)
            for name, figure in kinds.items()
        }

    table = {"answer length": figures(report.length, RANKING), "confidence": figures(report.confidence, PROBABILITY)}
    fits: dict[str, Callable[[Array, Array], Recalibration]] = {
        "temperature": fit_temperature,
        "isotonic": fit_isotonic,
    }
    for name, method in fits.items():
        try:
            found = method(fit.confidence, fit.right)
        except InputError as error:
            print(f"No {name} fit: {error}")
            continue
        table[name] = figures(found.apply(report.confidence), PROBABILITY)
    return table


def halves(dataset: Dataset) -> tuple[list[Question], list[Question]]:
    """The questions that are fitted on, and those that are reported."""
    fit, report = dataset.of_split("fit"), dataset.of_split("report")
    if dataset.name == "builtin":
        return fit, report
    return sample(fit, 500, 250, seed=0), sample(report, 500, 250, seed=0)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--squad", type=Path, default=SQUAD, help="a SQuAD v2 file in its official JSON form")
    parser.add_argument("--cache", type=Path, default=user_cache_path("raglass") / "benchmarks", help="for vectors")
    options = parser.parse_args()
    embedder, spans = CachedEmbedder(options.cache), CachedSpans(options.cache)
    datasets = [("Built-in corpus", read_builtin)]
    if options.squad.exists():
        datasets.append(("SQuAD v2", lambda: read_squad(options.squad)))
    else:
        print("No SQuAD file is at hand (--squad FILE): measured on the built-in questions alone.\n")
    for title, read in datasets:
        dataset = read()
        corpus = SearchedCorpus(dataset, embedder)
        fit, report = (answer(corpus, questions, embedder, spans) for questions in halves(dataset))
        print(to_text(f"{title}. Report: {report}. Fit: {fit}", measure(fit, report)), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
