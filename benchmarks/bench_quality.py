"""Answer quality of the embedded profile, beside plain E5 and E5 + BM25 recomputed in the same run.

    python -m benchmarks.bench_quality [--squad PATH] [--builtin] [--json] [--cache DIR]

Headline figures are on report articles, which nothing was fitted on; tables over all articles are labelled so. SQuAD: all contexts of the
file indexed, one document each; 500 answerable and 250 unanswerable questions, seed 0. Intervals are 95 % bootstrap, over questions or,
where it says so, over articles. "ECE of exact chances" is what chance alone would show of a reader whose confidence were exactly right.
"""

import argparse
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from platformdirs import user_cache_path

from backends.local.features import FloatArray
from backends.local.reader import choose_sentences, support
from backends.local.rerank import SentenceReranker
from backends.local.weights import default_weights, probabilities
from benchmarks.baselines import BaselineReader
from benchmarks.examples import Example, read_examples
from benchmarks.labelled import Dataset, Question, read_builtin, read_squad, sample
from benchmarks.measures import Array, auroc_or_nan, exact_error, f1_of, interval
from benchmarks.searched import SearchedCorpus
from benchmarks.span_cache import CachedSpans
from benchmarks.vector_cache import CachedEmbedder
from explain.answers import best_f1, holds_gold
from explain.calibration import brier_score, calibration_error
from pipeline.types import Chunk

DEPTH = 10


@dataclass(slots=True)
class Outcomes:
    """One system's outcomes, one entry a question; lists stay empty for what a system does not have."""

    questions: list[Question] = field(default_factory=list)
    rank: list[float] = field(default_factory=list)
    """1-based rank of the gold document; infinity beyond DEPTH."""
    one: list[bool] = field(default_factory=list)
    """Gold in the best sentence, abstention aside."""
    two: list[bool] = field(default_factory=list)
    """Gold in the best two."""
    shown: list[bool] = field(default_factory=list)
    """Gold in what the reader quotes, abstention aside."""
    quoted: list[int] = field(default_factory=list)
    """Sentences quoted."""
    answer: list[str] = field(default_factory=list)
    """What the reader quotes, abstention aside."""
    score: list[float] = field(default_factory=list)
    """Higher means answerable."""
    chance: list[float] = field(default_factory=list)
    """The probability given that the quotation holds the answer."""
    abstained: list[bool] = field(default_factory=list)
    span_f1: list[float] = field(default_factory=list)
    """Token F1 of the words marked in the best sentence."""

    def only(self, keep: Sequence[bool]) -> "Outcomes":
        """The outcomes of some of the questions."""
        columns = {
            name: [v for v, k in zip(getattr(self, name), keep, strict=True) if k] if getattr(self, name) else []
            for name in self.__dataclass_fields__
        }
        return Outcomes(**columns)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--squad", type=Path, help="a SQuAD v2 file in its official JSON form")
    parser.add_argument("--builtin", action="store_true", help="the built-in corpus (the default without --squad)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    parser.add_argument("--cache", type=Path, default=user_cache_path("raglass") / "benchmarks", help="for vectors")
    options = parser.parse_args()
    embedder, spans = CachedEmbedder(options.cache), CachedSpans(options.cache)
    tables: dict[str, dict[str, Any]] = {}
    if options.builtin or not options.squad:
        tables |= measure_builtin(embedder, spans)
    if options.squad:
        tables |= measure_squad(read_squad(options.squad), embedder, spans)
    print(json.dumps(tables, indent=2) if options.json else "\n\n".join(to_text(n, t) for n, t in tables.items()))


def measure_builtin(embedder: CachedEmbedder, spans: CachedSpans) -> dict[str, dict[str, Any]]:
    """Report articles, all articles, and report articles by question type."""
    dataset = read_builtin()
    systems = run_systems(dataset, list(dataset.questions), embedder, spans)
    held_out = [q.article not in dataset.fit_articles for q in dataset.questions]
    report = {name: outcomes.only(held_out) for name, outcomes in systems.items()}
    by_kind = {}
    for kind in sorted({q.kind for q in dataset.questions}):
        of_kind = report["raglass"].only([q.kind == kind and q.answerable for q in report["raglass"].questions])
        by_kind[kind] = measure(of_kind)
    return {
        "built-in corpus, report articles": {name: measure(o) for name, o in report.items()},
        "built-in corpus, all articles (half of them fitted on)": {name: measure(o) for name, o in systems.items()},
        "built-in corpus, report articles, raglass by question type (answerable)": by_kind,
    }


def measure_squad(dataset: Dataset, embedder: CachedEmbedder, spans: CachedSpans) -> dict[str, dict[str, Any]]:
    """Report articles; and all articles, which the weights have half seen."""
    report = sample(dataset.of_split("report"), 500, 250, seed=0)
    every = sample(list(dataset.questions), 500, 250, seed=0)
    return {
        f"SQuAD v2, {title}": {n: measure(o) for n, o in run_systems(dataset, questions, embedder, spans).items()}
        for title, questions in (("report articles", report), ("all articles (half of them fitted on)", every))
    }


def run_systems(
    dataset: Dataset, questions: list[Question], embedder: CachedEmbedder, spans: CachedSpans
) -> dict[str, Outcomes]:
    """Every system on the same questions."""
    corpus = SearchedCorpus(dataset, embedder)
    vectors = np.asarray(embedder.embed([q.text for q in questions], "query"), np.float32)
    systems = {"raglass": run_reader(corpus, questions, vectors, embedder, spans)}
    baselines = BaselineReader(corpus, embedder)
    for name in ("plain E5", "E5 + BM25"):
        outcomes = systems[name] = Outcomes(questions)
        for question, vector in zip(questions, vectors, strict=True):
            answer = baselines.answer(question, vector, name)
            outcomes.rank.append(gold_rank(answer.chunks, question))
            outcomes.one.append(holds_gold(answer.sentences[0], question.golds))
            outcomes.two.append(holds_gold(" ".join(answer.sentences), question.golds))
            outcomes.score.append(answer.score)
    reranker = SentenceReranker(embedder, corpus)
    outcomes = systems["raglass, reranked"] = Outcomes(questions)
    for question, vector in zip(questions, vectors, strict=True):
        outcomes.rank.append(
            gold_rank(reranker.rerank(question.text, corpus.search(question.text, vector, 20)), question)
        )
    return systems


def run_reader(
    corpus: SearchedCorpus,
    questions: list[Question],
    vectors: FloatArray,
    embedder: CachedEmbedder,
    spans: CachedSpans,
) -> Outcomes:
    """The profile as shipped."""
    weights = default_weights()
    outcomes = Outcomes(questions)
    for example, vector in zip(read_examples(corpus, questions, embedder, weights, spans), vectors, strict=True):
        outcomes.rank.append(gold_rank(corpus.search(example.question.text, vector, 2 * DEPTH), example.question))
        chances = probabilities(weights, example.description)
        best = np.argsort(-chances.sentences, kind="stable").tolist()
        chosen, quoted = choose_sentences(example.description, example.chunks, chances, weights.second_share)
        confidence = support(example.description, example.chunks, chances, chosen, quoted)
        outcomes.one.append(in_sentences(example, best[:1]))
        outcomes.two.append(in_sentences(example, best[:2]))
        outcomes.shown.append(in_sentences(example, quoted))
        outcomes.quoted.append(len(quoted))
        outcomes.answer.append(" ".join(example.sentence(i) for i in quoted))
        outcomes.score.append(chances.answered)
        outcomes.chance.append(confidence)
        outcomes.abstained.append(confidence < weights.answer_threshold)
        outcomes.span_f1.append(best_span_f1(example, int(best[0])))
    return outcomes


def best_span_f1(example: Example, sentence: int) -> float:
    """Token F1 of the words of a sentence that the span reader finds likeliest; of the whole sentence where it did not read it."""
    place, span = example.description.chunk_of[sentence], example.description.spans[sentence]
    marks = example.description.marks[place]
    words = (None if marks is None else marks.best_within(*span)) or span
    return best_f1(example.chunks[place].text[slice(*words)], example.question.golds)


def in_sentences(example: Example, indices: Sequence[int]) -> bool:
    """Whether the sentences, joined, hold a gold string."""
    return holds_gold(" ".join(example.sentence(i) for i in indices), example.question.golds)


def gold_rank(chunks: Sequence[Chunk], question: Question) -> float:
    """Rank of the gold document among the chunks' documents, each counted once."""
    documents = list(dict.fromkeys(chunk.document_id for chunk in chunks))[:DEPTH]
    return documents.index(question.document_id) + 1 if question.document_id in documents else math.inf


def measure(outcomes: Outcomes) -> dict[str, Any]:
    """Every figure of one system that it has the outcomes for."""
    answerable = np.array([q.answerable for q in outcomes.questions])
    figures: dict[str, Any] = {"answerable": int(answerable.sum()), "unanswerable": int((~answerable).sum())}
    ranks = np.array(outcomes.rank)[answerable]
    for k in (1, 5, 10):
        figures[f"recall@{k}"] = with_interval(np.mean, (ranks <= k).astype(float))
    for name, values in (
        ("one sentence", outcomes.one),
        ("two sentences", outcomes.two),
        ("as quoted", outcomes.shown),
    ):
        if values:
            figures[f"gold in answer, {name}"] = with_interval(np.mean, np.array(values, float)[answerable])
    if outcomes.one:
        articles = [q.article for q in outcomes.questions if q.answerable]
        figures["one sentence, by articles"] = with_interval(
            np.mean, np.array(outcomes.one, float)[answerable], clusters=articles
        )
    if outcomes.span_f1:
        figures["span F1"] = with_interval(np.mean, np.array(outcomes.span_f1)[answerable])
    if outcomes.quoted:
        figures["sentences quoted"] = float(np.mean(outcomes.quoted))
    if outcomes.score and not answerable.all():
        figures["AUROC answerable"] = with_interval(auroc_or_nan, np.array(outcomes.score), answerable.astype(float))
    return figures | measure_trust(outcomes, answerable.astype(float))


def measure_trust(outcomes: Outcomes, answerable: Array) -> dict[str, Any]:
    """Calibration and abstention; nothing for systems without them."""
    if not outcomes.abstained:
        return {}
    chances, abstained = np.array(outcomes.chance), np.array(outcomes.abstained, float)
    right = answerable * np.array(outcomes.shown, float)
    precision, recall, f1 = f1_of(abstained, 1 - answerable)
    outcome = np.where(abstained == 1, 1 - answerable, right)
    figures: dict[str, Any] = {"answerable but abstained": float(abstained[answerable == 1].mean())}
    if not answerable.all():
        base_rate = np.full(len(right), right.mean())
        figures = {
            "ECE": calibration_error(chances, right),
            "ECE of exact chances": exact_error(chances),
            "Brier": brier_score(chances, right),
            "Brier of the base rate": brier_score(base_rate, right),
            "abstention precision": precision,
            "abstention recall": recall,
            "abstention F1": f1,
        } | figures
    return figures | {"right (answered or abstained)": with_interval(np.mean, outcome)}


def with_interval(
    figure: Callable[..., float], *columns: Array, clusters: Sequence[str] | None = None
) -> dict[str, float]:
    """A figure and its interval, over resampled `clusters` if there are any."""
    if not len(columns[0]):
        return {"value": float("nan"), "low": float("nan"), "high": float("nan")}
    low, high = interval(figure, *columns, clusters=clusters)
    return {"value": float(figure(*columns)), "low": low, "high": high}


def to_text(title: str, table: dict[str, dict[str, Any]]) -> str:
    """A table with a row for each figure and a column for each system."""
    rows = list(dict.fromkeys(name for column in table.values() for name in column))
    width = max(map(len, rows))
    widths = [max(len(system), 18) for system in table]
    head = " " * width + "  " + "  ".join(s.rjust(w) for s, w in zip(table, widths, strict=True))
    lines = [
        row.ljust(width)
        + "  "
        + "  ".join(to_cell(c.get(row)).rjust(w) for c, w in zip(table.values(), widths, strict=True))
        for row in rows
    ]
    return "\n".join([title, "", head, *lines])


def to_cell(figure: Any) -> str:
    """A figure as text."""
    if figure is None:
        return ""
    if isinstance(figure, dict):
        return f"{figure['value']:.3f} [{figure['low']:.2f}, {figure['high']:.2f}]"
    return str(figure) if isinstance(figure, int) else f"{figure:.3f}"


if __name__ == "__main__":
    main()
