"""Fit the extractive reader's weights and write backends/local/reader_weights.json. Deterministic.

    python -m benchmarks.fit_reader --squad PATH [--cache DIR] [--out PATH]

Fit split only: the fit articles of SQuAD v2 dev and of the built-in corpus (benchmarks/labelled.py says which). Two models: a
conditional logit for the sentence that answers (McFadden, 1974; the likelihood of the set of sentences that hold a gold string), and a
logistic regression for whether any does. Both with an L2 penalty. Temperatures (Guo et al., 2017) and the abstention threshold (on the
probability that the quotation holds the answer) are chosen on predictions for articles held out of the fit, in FOLDS folds; the weights
written are then fitted on the whole fit split. The span reader has seen none of these questions.
"""

import argparse
import json
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from platformdirs import user_cache_path
from scipy.optimize import minimize

from backends.local.features import SENTENCE_FEATURES, SUMMARY_FEATURES, summarise
from backends.local.reader import choose_sentences, support
from backends.local.texts import chunk_text
from backends.local.weights import WEIGHTS_FILE, ReaderWeights, share_out
from backends.local.words import content_stems
from benchmarks.examples import Example, read_examples
from benchmarks.labelled import Dataset, Question, cut_chunks, read_builtin, read_squad, sample
from benchmarks.searched import SearchedCorpus
from benchmarks.span_cache import CachedSpans
from benchmarks.vector_cache import CachedEmbedder

Array = npt.NDArray[np.float64]

FOLDS = 5
SENTENCE_PENALTY = 1.0
SUMMARY_PENALTY = 5.0
UNANSWERABLE_SHARE = 1 / 3
"""Of SQuAD's fit questions, after weighting: that of the benchmark's report questions (250 of 750)."""

BUILTIN_WEIGHT = 2.0
"""Of a built-in question in the second model: SQuAD has six times as many, and its adversarial questions are not what users ask."""

OFF_TOPIC = 100
"""Fit questions of each dataset that are put to the other's corpus, where nothing answers them."""

OFF_TOPIC_WEIGHT = 0.5
"""Of each such question: they teach the null model what nonsense looks like, and must not drown the hard cases."""

SECOND_SHARE = 0.15
"""Quote a second sentence where it has about one chance in seven: calibrated shares make this a choice of manners, not a fit."""

THRESHOLDS = tuple(np.linspace(0.1, 0.46, 73).tolist())
"""Abstention thresholds that are tried: below one half, so that what is shown as a guess has room."""

TOLERANCE = 0.0075
"""Of the share handled rightly when the threshold is chosen: less than its noise, and a higher one shows fewer wrong answers."""

MADE_UP = "made up"
"""Group of the questions that pick_off_topic and swap_titles make."""

COUNTED = 3
"""A stem gets its own IDF where at least this many chunks of the fit articles hold it."""


def main() -> None:
    """Fit and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--squad", type=Path, required=True, help="a SQuAD v2 file in its official JSON form")
    parser.add_argument("--cache", type=Path, default=user_cache_path("raglass") / "benchmarks", help="for vectors")
    parser.add_argument("--out", type=Path, default=WEIGHTS_FILE)
    options = parser.parse_args()
    embedder, spans = CachedEmbedder(options.cache), CachedSpans(options.cache)
    datasets = [read_squad(options.squad), read_builtin()]
    blank = unfitted_weights(datasets)
    examples, importance, groups = [], [], []
    for dataset, other in (datasets, datasets[::-1]):
        corpus = SearchedCorpus(dataset, embedder)
        read = read_examples(corpus, dataset.of_split("fit"), embedder, blank, spans)
        examples += read
        importance += weigh(read) if dataset.name == "squad" else [BUILTIN_WEIGHT] * len(read)
        off_topic = pick_off_topic(other, dataset) + swap_titles(dataset)
        examples += read_examples(corpus, off_topic, embedder, blank, spans)
        importance += [OFF_TOPIC_WEIGHT] * len(off_topic)
        groups += [dataset.name] * len(read) + [MADE_UP] * len(off_topic)
    weights = fit(
        examples, np.array(importance), groups, blank, provenance(datasets, examples) | {"spans": spans.fingerprint}
    )
    options.out.write_text(to_json(weights), encoding="utf-8")
    print(f"wrote {options.out}")


def fit(
    examples: Sequence[Example],
    importance: Array,
    groups: Sequence[str],
    blank: ReaderWeights,
    fitted_on: dict[str, Any],
) -> ReaderWeights:
    """Weights from examples; `importance` weighs each one's part in the second model, `groups` says where it comes from."""
    folds = assign_folds([example.question.article for example in examples])
    held_out_odds, held_out_scores = np.zeros(len(examples)), [np.empty(0)] * len(examples)
    for fold in range(FOLDS):
        train, test = np.flatnonzero(folds != fold).tolist(), np.flatnonzero(folds == fold).tolist()
        sentence = fit_sentences([examples[i] for i in train])
        summary, bias = fit_summary([examples[i] for i in train], importance[train], sentence)
        for i in test:
            held_out_scores[i] = examples[i].description.rows @ sentence
            held_out_odds[i] = bias + summary @ summarise(
                examples[i].description, held_out_scores[i].astype(np.float32)
            )
    answerable = has_gold(examples)
    share_scale = fit_share_scale(examples, held_out_scores)
    scale, shift = fit_odds_scale(held_out_odds, answerable, importance)
    quotes = [
        quote(example, share_scale * scores, scale * odds + shift)
        for example, scores, odds in zip(examples, held_out_scores, held_out_odds, strict=True)
    ]
    threshold = choose_threshold(quotes, examples, importance, groups)
    sentence = fit_sentences(examples)
    summary, bias = fit_summary(examples, importance, sentence, share_scale)
    return ReaderWeights(
        sentence=named(SENTENCE_FEATURES, sentence * share_scale),
        summary=named(SUMMARY_FEATURES, summary * scale),
        bias=round(bias * scale + shift, 4),
        answer_threshold=round(threshold, 3),
        second_share=SECOND_SHARE,
        idf=blank.idf,
        unseen_idf=blank.unseen_idf,
        known_documents=blank.known_documents,
        fitted_on=fitted_on | {"share_scale": round(share_scale, 3), "odds_scale": round(scale, 3)},
    )


def fit_sentences(examples: Sequence[Example]) -> Array:
    """(len(SENTENCE_FEATURES),): maximise Σ log Σ_gold softmax(rows · w) − penalty/2 · |w|², over examples with a gold sentence."""
    items = [
        (e.description.rows[e.description.quotable].astype(np.float64), e.gold[e.description.quotable])
        for e in examples
        if e.gold.any()
    ]

    def loss(w: Array) -> tuple[float, Array]:
        value, slope = SENTENCE_PENALTY * float(w @ w) / 2, SENTENCE_PENALTY * w
        for rows, gold in items:
            scores = rows @ w
            share = np.exp(scores - scores.max())
            share /= share.sum()
            right = np.where(gold, share, 0)
            total = right.sum()
            value -= math.log(total)
            slope = slope - rows.T @ (right / total - share)
        return value, slope

    return np.asarray(minimize(loss, np.zeros(len(SENTENCE_FEATURES)), jac=True, method="L-BFGS-B").x)


def fit_summary(
    examples: Sequence[Example], importance: Array, sentence: Array, share_scale: float = 1.0
) -> tuple[Array, float]:
    """Weights (len(SUMMARY_FEATURES),) and bias of a logistic regression of "some candidate holds the answer"."""
    rows = np.array(
        [summarise(e.description, (e.description.rows @ sentence * share_scale).astype(np.float32)) for e in examples]
    )
    found = fit_logistic(rows.astype(np.float64), has_gold(examples), importance, SUMMARY_PENALTY)
    return found[:-1], float(found[-1])


def fit_logistic(rows: Array, labels: npt.NDArray[np.bool_], importance: Array, penalty: float) -> Array:
    """(columns + 1,): weights, then the bias, which is not penalised."""
    design, signs = np.column_stack([rows, np.ones(len(rows))]), np.where(labels, 1.0, -1.0)
    penalties = np.append(np.full(rows.shape[1], penalty), 0.0)

    def loss(w: Array) -> tuple[float, Array]:
        margins = signs * (design @ w)
        value = float(importance @ np.logaddexp(0, -margins)) + float(penalties @ w**2) / 2
        return value, -design.T @ (importance * signs / (1 + np.exp(margins))) + penalties * w

    return np.asarray(minimize(loss, np.zeros(design.shape[1]), jac=True, method="L-BFGS-B").x)


def fit_share_scale(examples: Sequence[Example], scores: Sequence[Array]) -> float:
    """The factor (one over the temperature) that makes held-out shares likeliest."""
    items = [(s, e.gold) for e, s in zip(examples, scores, strict=True) if e.gold.any()]

    def loss(log_scale: Array) -> float:
        value = 0.0
        for score, gold in items:
            scaled = score * math.exp(log_scale[0])
            value += float(np.logaddexp.reduce(scaled) - np.logaddexp.reduce(scaled[gold]))
        return value

    return math.exp(float(minimize(loss, np.zeros(1), method="L-BFGS-B").x[0]))


def fit_odds_scale(odds: Array, answerable: npt.NDArray[np.bool_], importance: Array) -> tuple[float, float]:
    """Platt scaling (1999) of the held-out log-odds: (scale, shift)."""
    scale, shift = fit_logistic(odds[:, None], answerable, importance, 0.0)
    return float(scale), float(shift)


def quote(example: Example, scores: Array, log_odds: float) -> tuple[float, bool]:
    """(confidence, whether it is right) of what would be quoted, abstention aside."""
    description = example.description
    if not description.quotable.any():
        return 0.0, False
    chances = share_out(scores, log_odds, description.quotable)
    chosen, quoted = choose_sentences(description, example.chunks, chances, SECOND_SHARE)
    confidence = support(description, example.chunks, chances, chosen, quoted)
    return confidence, bool(example.gold[list(quoted)].any())


def choose_threshold(
    quotes: Sequence[tuple[float, bool]], examples: Sequence[Example], importance: Array, groups: Sequence[str]
) -> float:
    """The highest threshold within TOLERANCE of the largest share handled rightly: quoted rightly, or rightly withheld.

    The share is averaged over the groups; MADE_UP is left out.
    """
    chances, right = np.array([chance for chance, _ in quotes]), np.array([is_right for _, is_right in quotes])
    unanswerable = np.array([not example.question.answerable for example in examples])
    members = [np.array([g == group for g in groups]) for group in sorted(set(groups) - {MADE_UP})]

    def mean_share(threshold: float) -> float:
        handled = importance * np.where(chances < threshold, unanswerable, right)
        return float(np.mean([handled[m].sum() / importance[m].sum() for m in members]))

    found = [mean_share(threshold) for threshold in THRESHOLDS]
    return max(t for t, share in zip(THRESHOLDS, found, strict=True) if share >= max(found) - TOLERANCE)


def pick_off_topic(source: Dataset, target: Dataset) -> list[Question]:
    """Answerable fit questions of `source` on subjects that `target` has no article of the same title on, as unanswerable."""
    titles = {document.title.casefold() for document in target.documents}
    covered = {d.document_id for d in source.documents if d.title.casefold() in titles}
    strangers = [q for q in source.of_split("fit") if q.answerable and q.document_id not in covered]
    drawn = sample(strangers, OFF_TOPIC, 0, seed=0)
    return [replace(q, golds=(), document_id=None, answerable=False) for q in drawn]


def swap_titles(dataset: Dataset) -> list[Question]:
    """Fit questions that name their document's title, asked instead of the next fit document of another subject; unanswerable.

    "How far away is the Moon?" becomes "How far away is the Venice?": the subject is there, what is asked of it is not. Built-in corpus
    only: SQuAD has such questions by the hundred. A few may be answerable by chance.
    """
    if dataset.name == "squad":
        return []
    documents = {d.document_id: d for d in dataset.documents if d.document_id in dataset.fit_articles}
    order, swapped = sorted(documents), []
    for number, question in enumerate(q for q in dataset.of_split("fit") if q.document_id in documents):
        title = documents[str(question.document_id)].title
        subject = str(question.document_id).split("/")[0]
        others = [i for i in order if not i.startswith(subject)]
        text = re.sub(
            rf"\b{re.escape(title)}\b",
            documents[others[7 * number % len(others)]].title,
            question.text,
            flags=re.IGNORECASE,
        )
        if text != question.text:
            swapped.append(replace(question, text=text, golds=(), document_id=None, answerable=False))
    return swapped


def has_gold(examples: Sequence[Example]) -> npt.NDArray[np.bool_]:
    """(n,): whether some candidate holds a gold string."""
    return np.array([example.gold.any() for example in examples], np.bool_)


def weigh(examples: Sequence[Example]) -> list[float]:
    """Importance by which UNANSWERABLE_SHARE of the examples count as unanswerable."""
    yes = sum(e.question.answerable for e in examples)
    no = UNANSWERABLE_SHARE / (1 - UNANSWERABLE_SHARE) * yes / (len(examples) - yes)
    return [1.0 if e.question.answerable else no for e in examples]


def assign_folds(articles: Sequence[str]) -> npt.NDArray[np.intp]:
    """(n,): each example's fold; an article is never in two."""
    order = {article: position for position, article in enumerate(sorted(set(articles)))}
    return np.array([order[article] % FOLDS for article in articles], np.intp)


def unfitted_weights(datasets: Sequence[Dataset]) -> ReaderWeights:
    """Weights of which only the IDF, counted over the fit articles' chunks, means anything yet."""
    chunks = [
        chunk for dataset in datasets for chunk in cut_chunks(dataset.documents) if in_fit(dataset, chunk.document_id)
    ]
    counts = Counter(stem for chunk in chunks for stem in set(content_stems(chunk_text(chunk.title, chunk.text))))
    idf = {
        stem: round(math.log(1 + (len(chunks) - n + 0.5) / (n + 0.5)), 2)
        for stem, n in sorted(counts.items())
        if n >= COUNTED
    }
    known = sorted(
        document.document_id for dataset in datasets if dataset.name == "builtin" for document in dataset.documents
    )
    unseen = round(math.log(1 + (len(chunks) - 0.5) / 1.5), 2)
    return ReaderWeights({}, {}, 0.0, 0.0, SECOND_SHARE, idf, unseen, known)


def in_fit(dataset: Dataset, document_id: str) -> bool:
    """Whether a document belongs to a fit article (SQuAD's documents are numbered within their article)."""
    article = document_id.rsplit("/", 1)[0] if dataset.name == "squad" else document_id
    return article in dataset.fit_articles


def provenance(datasets: Sequence[Dataset], examples: Sequence[Example]) -> dict[str, Any]:
    """What the weights were fitted on, for the file."""
    ids = {doc.document_id for dataset in datasets for doc in dataset.documents}
    return {
        "embedder": CachedEmbedder.name,
        "squad_v2_dev_articles": sorted(datasets[0].fit_articles),
        "builtin_articles": sorted(datasets[1].fit_articles & ids),
        "questions": len(examples),
        "answerable": sum(example.question.answerable for example in examples),
    }


def named(names: Sequence[str], values: Array) -> dict[str, float]:
    """Weights by name, rounded for the file."""
    return {name: round(float(value), 4) for name, value in zip(names, values, strict=True)}


def to_json(weights: ReaderWeights) -> str:
    """The file's text: one field a line, so that a refit reads well as a diff."""
    fields = {name: getattr(weights, name) for name in ReaderWeights.__dataclass_fields__}
    return "{\n" + ",\n".join(f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in fields.items()) + "\n}\n"


if __name__ == "__main__":
    main()
