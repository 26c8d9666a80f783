"""Embedders and rerankers side by side: what they find, how they lay out the documents, what they take."""

import threading
from collections.abc import Generator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from app.kit.numbers import count
from app.lab.embedder_tables import embedder_tables
from app.lab.measured import Resident, time_questions, timed
from app.lab.one_by_one import Doing, Row, carry_on
from app.lab.pace import find_paces, pace_words
from app.lab.paid import paid_words
from app.lab.parts import Parts
from app.lab.side_by_side import sum_up
from app.lab.study import Data, Step
from app.lab.tables import Table
from app.lab.workplace import (
    EMBEDDED_BACKEND,
    TIMED_TEXTS,
    all_chunks,
    build,
    check_names,
    check_questions,
    config_over,
    count_texts,
    describe_questions,
    drawn,
    fill,
    find_gold,
    read_dataset,
)
from backends.local.chosen import EMBEDDED
from backends.local.protocols import HoldsCorpus
from backends.local.remote.address import is_remote
from backends.local.texts import chunk_text
from backends.registry import BackendConfig
from evaluation.datasets import Dataset, LabelledQuestion
from evaluation.lab.embedding import measure_layout
from evaluation.ranking import ndcg
from pipeline.errors import InputError
from pipeline.pipeline import RERANK_DEPTH
from pipeline.types import Chunk, heading_of

OVER = " > "
"""Between an embedder and the reranker of what it found, in the name of a row."""

MEASURED = ("recall", "precision", "mrr", "ndcg")

ALONE, FULL = "alone ", ""
"""Before a measure's name: by the cosine alone; as Raglass retrieves, by meaning and words."""

TESTED = ("alone recall", "alone mrr", "recall", "mrr")
"""Of these all pairs are tested."""

QUESTIONS_AT_ONCE = 32

INDEXING, TIMING, EMBEDDING, SEARCHING = (0.0, 0.6), (0.6, 0.7), (0.7, 0.9), (0.9, 1.0)
"""Parts of a model's time, as a rule: see `Doing.share`."""


class EmbedderStudy:
    """The same questions over the same chunks, with vectors of different models."""

    name = "embedders"
    title = "Which embedder"
    about = (
        "Embeds the documents and the questions with each model, and compares what is found, how far right pairs are from "
        "wrong ones, and what it takes. Do not choose by the cosines of different models: their scales differ. Choose by "
        "recall on your own questions."
    )

    def check(self, parts: Parts, plan: Data) -> Data:
        """See `Study.check`. What cannot be loaded is found out when it is its turn, and noted."""
        checked = check_questions(parts, plan)
        embedders = check_names(plan.get("embedders") or (), "an embedder: a model id, a path, or embedded")
        rerankers = [] if not plan.get("rerankers") else check_names(plan["rerankers"], "a reranker")
        if any(OVER in name for name in (*embedders, *rerankers)):
            raise InputError(f"A model's name cannot hold {OVER.strip()!r} between blanks.")
        return {**checked, "embedders": embedders, "rerankers": rerankers}

    def estimate(self, parts: Parts, plan: Data) -> str:
        """See `Study.estimate`: how fast a model is shows only when it is there."""
        models = len(plan["embedders"]) + len(plan["rerankers"])
        questions = len(read_dataset(parts, plan).questions)
        told = pace_words(self._expected(parts, plan), row_names(plan), "once a model has embedded its first chunks")
        paid = paid_words(plan["embedders"])
        return f"{count(models, 'model')} over {count(questions, 'question')}. {told} {paid}"

    def run(self, parts: Parts, plan: Data, before: Data | None, stop: threading.Event) -> Generator[Step, None, None]:
        """See `Study.run`. Rerankers order what the first embedder found."""
        dataset = read_dataset(parts, plan)
        about = {**describe_questions(dataset.questions), "top_k": plan["top_k"]}
        measure = partial(_measure, parts, plan, dataset, stop=stop)
        expected = self._expected(parts, plan)
        yield from carry_on(row_names(plan), before, measure, partial(conclude, about), stop, expected)

    def tables(self, result: Data) -> Sequence[Table]:
        """See `Study.tables`."""
        return embedder_tables(result)

    def _expected(self, parts: Parts, plan: Data) -> dict[str, float]:
        """Seconds of the ways that were measured here before; of the embedded model, else, as embedding a few texts now shows."""
        dataset = read_dataset(parts, plan)
        chunks = count_texts(parts, plan["backend"], dataset)
        if chunks is None:
            return {}
        work = chunks + len(dataset.questions)
        paces = find_paces(parts, self.name, lambda result, row: row["chunks"] + len(result["clusters"]))
        if EMBEDDED in plan["embedders"] and EMBEDDED not in paces and plan["backend"] == EMBEDDED_BACKEND:
            backend = parts.backend(plan["backend"])
            if isinstance(backend, HoldsCorpus):
                paces[EMBEDDED] = backend.corpus.text_seconds
        return {name: pace * work for name, pace in paces.items()}


def row_names(plan: Data) -> list[str]:
    """What is measured, in order: the embedders, then the rerankers over the first one."""
    return [*plan["embedders"], *(f"{plan['embedders'][0]}{OVER}{each}" for each in plan["rerankers"])]


def conclude(about: Mapping[str, Any], rows: Sequence[Row]) -> Data:
    """The study's result."""
    return sum_up(rows, about, TESTED, by_type=("alone recall", "recall", "right"))


def _measure(
    parts: Parts, plan: Data, dataset: Dataset, name: str, *, stop: threading.Event
) -> Generator[Doing, None, Row | None]:
    embedder_name, _, reranker_name = name.partition(OVER)
    with config_over(parts, dataset) as config:
        bench = Bench(config, embedder_name)
        try:
            yield Doing(0, 0, "loading")
            bench.open()
            fill(bench.corpus, dataset)
            if not (yield from build(bench.corpus, stop, INDEXING)):
                return None
            found = yield from _search(bench, plan, dataset.questions, reranker_name, stop)
            return None if found is None else {"name": name, **found}
        finally:
            bench.close()


class Bench:
    """An embedder with an index of its own."""

    def __init__(self, config: BackendConfig, name: str) -> None:
        self.config, self._name = config, name
        self.resident = Resident()

    def open(self) -> None:
        """Load the model. Raises Unavailable."""
        from backends.local.profiles import open_corpus, open_questions

        import_libraries(self._name)
        with self.resident.growing():
            self.embedder = open_named(self._name, self.config)
        self.corpus = open_corpus(self.config, self.embedder, with_sentences=False)
        self.stored = open_questions(self.config, self.embedder)

    def close(self) -> None:
        """Let go of the index, and of the connections of an embedder that has some."""
        if hasattr(self, "corpus"):
            self.corpus.index.close()
        if callable(close := getattr(getattr(self, "embedder", None), "close", None)):
            close()


def open_named(name: str, config: BackendConfig) -> Any:
    """An embedder by its name. Raises Unavailable for one that cannot be loaded."""
    from app.lab.endpoints import PREFIX, open_endpoint
    from backends.local.chosen import open_embedder

    return open_endpoint(name, config) if name.startswith(PREFIX) else open_embedder(name, config)


def import_libraries(name: str) -> None:
    """Import what the research profile's models run on, so that it is not counted for the first of them; others need none of it."""
    from app.lab.endpoints import PREFIX

    if name != EMBEDDED and not name.startswith(PREFIX) and not is_remote(name):
        from backends.local.research.loading import require

        require("sentence_transformers")


def open_ranker(name: str, config: BackendConfig) -> Any:
    """A reranker by its name. Raises Unavailable for one that cannot be loaded."""
    from backends.local.chosen import open_reranker

    return open_reranker(name, config)


def _search(
    bench: Bench, plan: Data, questions: Sequence[LabelledQuestion], reranker_name: str, stop: threading.Event
) -> Generator[Doing, None, dict[str, Any] | None]:
    yield Doing(0, 0, "timing", TIMING)
    with bench.resident.growing():
        question_ms = time_questions(bench.embedder, [question.text for question in questions])
        texts = [chunk_text(heading_of(each.title, each.section), each.text) for each in all_chunks(bench.corpus.index)]
        sample = drawn(texts, TIMED_TEXTS)
        sample_s = bench.corpus.embed_seconds(sample)
    reranker = open_ranker(reranker_name, bench.config) if reranker_name else None
    vectors = yield from _embed(bench, questions, stop)
    if vectors is None:
        return None
    values: dict[str, list[float | None]] = {}
    rerank_ms: list[float] = []
    for place, (question, vector) in enumerate(zip(questions, vectors, strict=True)):
        if stop.is_set():
            return None
        if place % 8 == 0:
            yield Doing(place, len(questions), "searching and reranking" if reranker else "searching", SEARCHING)
        for prefix, chunks in _orders(bench, plan["top_k"], question.text, vector, reranker, rerank_ms).items():
            for measured, value in rank(question, chunks, plan["top_k"]).items():
                values.setdefault(prefix + measured, []).append(value)
    size = bench.corpus.index.manifest
    found: dict[str, Any] = {
        "model": bench.embedder.name if reranker is None else reranker.name,
        "values": values,
        "rerank_ms": float(np.median(rerank_ms)) if rerank_ms else None,
        "chunks": size.chunks,
    }
    if reranker is None:
        found |= _laid_out(bench, questions, vectors, values)
        found |= {
            "dimension": size.dimension,
            "passages_s": len(sample) / max(sample_s, 1e-9),
            "question_ms": question_ms,
            "resident": bench.resident.grown,
            "bytes": size.chunks * size.dimension * 4,
        }
    return found


def _embed(
    bench: Bench, questions: Sequence[LabelledQuestion], stop: threading.Event
) -> Generator[Doing, None, Any | None]:
    """The questions' vectors, (n, dim), those known from the disk."""
    rows = []
    for start in range(0, len(questions), QUESTIONS_AT_ONCE):
        if stop.is_set():
            return None
        yield Doing(start, len(questions), "embedding questions", EMBEDDING)
        texts = [question.text for question in questions[start : start + QUESTIONS_AT_ONCE]]
        bench.stored.knows_all(texts)
        rows.append(bench.stored.embed(texts, "query"))
    return np.concatenate(rows)


def _orders(
    bench: Bench, top_k: int, text: str, vector: Any, reranker: Any, rerank_ms: list[float]
) -> dict[str, list[Chunk]]:
    """The chunks found, by the cosine alone and as Raglass retrieves; only the latter, in its new order, where they are reranked."""
    search = partial(bench.corpus.index.search, vector[None], exact=True)
    if reranker is None:
        [alone], [full] = search(top_k), search(top_k, texts=[text])
        return {ALONE: alone, FULL: full}
    [found] = search(max(top_k, RERANK_DEPTH), texts=[text])
    ordered, spent_ms = timed(lambda: reranker.rerank(text, found))
    rerank_ms.append(spent_ms)
    return {FULL: ordered[:top_k]}


def rank(question: LabelledQuestion, chunks: Sequence[Chunk], top_k: int) -> dict[str, float | None]:
    """MEASURED of the first `top_k` chunks; None for a question without an answer."""
    if not question.answers:
        return dict.fromkeys(MEASURED)
    ranks = [place + 1 for place in sorted(question.gold.places(chunks))]
    return {
        "recall": float(bool(ranks)),
        "precision": len(ranks) / top_k,
        "mrr": 1 / ranks[0] if ranks else 0.0,
        "ndcg": ndcg(ranks),
    }


def _laid_out(
    bench: Bench, questions: Sequence[LabelledQuestion], vectors: Any, values: dict[str, list[float | None]]
) -> dict[str, Any]:
    """How the vectors lie; cosines of right pairs, and margins, go to the values of questions."""
    chunks = [each.unranked(0) for each in all_chunks(bench.corpus.index)]
    held = bench.corpus.index.opened().vectors.reconstruct(np.arange(len(chunks)))
    if len(chunks) < 2:
        return {"layout": None}
    layout = measure_layout(vectors, held, find_gold(questions, chunks))
    values["right"], values["margin"] = list(layout.right), list(layout.margins)
    wrong = [round(each, 4) for each in layout.wrong]
    told = ("told_apart", "anisotropy", "hubness", "never")
    return {"layout": {**{name: getattr(layout, name) for name in told}, "wrong": wrong}}
