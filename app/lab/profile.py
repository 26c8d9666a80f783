"""The profile of a dataset and of the corpus that it is asked over: what there is, before anything is asked."""

import random
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any, TypeVar

from app.kit.numbers import rough_time
from app.lab.measured import timed
from app.lab.pace import SPENT, Ahead
from app.lab.parts import Parts
from app.lab.profile_tables import profile_tables
from app.lab.records import LabRecords
from app.lab.study import Data, Step
from app.lab.tables import Table
from backends.local.chunking import Chunking
from backends.local.documents.types import Document
from backends.local.protocols import CountsPrompts, CountsTokens, HoldsCorpus
from backends.local.texts import chunk_text
from evaluation.datasets import BUILTIN, Dataset, load_dataset, settle
from evaluation.lab.profile import (
    Fit,
    count_shares,
    estimate_tokens,
    find_extremes,
    measure_fit,
    measure_lengths,
    measure_overlap,
)
from evaluation.lab.repeats import find_repeats
from evaluation.typed_questions import count_types
from explain.answers import normalise
from pipeline.errors import InputError
from pipeline.protocols import Backend
from pipeline.types import Chunk, Kind

MOST_COUNTED = 5_000
"""Texts of a kind whose tokens are counted; of more, so many are drawn."""

PROMPTS = 500
"""Prompts of a question and chunks that are made up to be counted."""

MOST_COMPARED_TEXTS = 20_000
"""Documents, or chunks, that are looked through for near-duplicates; of more, so many are drawn."""

USUAL_WINDOW = 512
"""Tokens, of a model that says none: what E5 and FLAN-T5 read."""

SEED = 0

Item = TypeVar("Item")

PARTS = ("questions", "corpus", "repeats", "overlap", "windows")
"""Parts of a profile, in order; each is a step."""


class Material:
    """What a profile is made of: the questions with their types, and the corpus that they are asked over, cut."""

    def __init__(self, parts: Parts, plan: Data) -> None:
        """Read it. Raises InputError for a dataset that cannot be read, ConfigError or Unavailable for the backend."""
        self.dataset: Dataset = load_dataset(str(plan["dataset"]))
        self.typed = parts.evaluations.types.of(self.dataset)
        self.questions = parts.evaluations.types.fill(self.dataset).questions
        self.backend: Backend = parts.backend(str(plan["backend"]))
        self.top_k = int(plan["top_k"])
        self.documents, self.whose = self._documents()
        chunking = Chunking.parse(parts.config().chunking)
        from backends.local.build import cut_documents  # FAISS, which a dashboard over a stack does without.

        rows = cut_documents(self.documents, lambda progress: None, chunking).rows if self.documents else []
        self.chunks = [
            Chunk(row.chunk_id, row.document_id, row.title, row.text, 0.0, 1, {}, row.section) for row in rows
        ]
        self.chunking = str(chunking)

    def _documents(self) -> tuple[list[Document], str]:
        if self.dataset.documents:
            return list(self.dataset.documents), "dataset"
        if isinstance(self.backend, HoldsCorpus):
            return list(self.backend.corpus.documents()), "corpus"
        return [], "none"


class ProfileStudy:
    """See `app.lab.study.Study`."""

    name = "profile"
    title = "Profile"
    about = (
        "What a dataset and its corpus are made of, before anything is asked: lengths, types, repeats, how far questions use "
        "the words of the text that answers them, and what would not fit a model. It describes the labels; it does not check "
        "that they are right."
    )

    def check(self, parts: Parts, plan: Data) -> Data:
        """See `Study.check`. The plan: `dataset`, `backend`, `top_k`."""
        unknown = sorted(set(plan) - {"dataset", "backend", "top_k"})
        if unknown:
            raise InputError(f"A profile knows no {', '.join(unknown)}. Give dataset, backend and top_k.")
        top_k = int(plan.get("top_k") or parts.settings.top_k)
        if not 1 <= top_k <= 100:
            raise InputError(f"{top_k} chunks in a prompt cannot be. Give 1 to 100.")
        dataset = settle(str(plan.get("dataset") or BUILTIN))
        load_dataset(dataset)
        backend = str(plan.get("backend") or parts.settings.backend_name)
        parts.backend(backend)
        return {"dataset": dataset, "backend": backend, "top_k": top_k}

    def estimate(self, parts: Parts, plan: Data) -> str:
        """See `Study.estimate`."""
        questions = len(load_dataset(str(plan["dataset"])).questions)
        seconds = sum(self._expected(parts, plan).values())
        told = (
            f"About {rough_time(seconds)}, by the newest profile that was made here"
            if seconds
            else "Seconds, as a rule"
        )
        return f"Looks at {questions:,} questions and their corpus. Nothing is asked and nothing embedded. {told}."

    def run(self, parts: Parts, plan: Data, before: Data | None, stop: threading.Event) -> Generator[Step, None, None]:
        """See `Study.run`; a part that is known already is not looked at again, unless the dataset is another one by now."""
        yield Step(0, len(PARTS), f"Reading {plan['dataset']}")
        material = Material(parts, plan)
        about = describe(material)
        result: dict[str, Any] = dict(before or {}) if before and before.get("about") == about else {"about": about}
        todo = [name for name in PARTS if name not in result]
        ahead = Ahead(todo, self._expected(parts, plan))
        for done, name in enumerate(PARTS):
            if stop.is_set():
                return
            if name in todo:
                yield Step(done, len(PARTS), DOING[name], ahead.left_s(name, 0.0))
                found, spent_ms = timed(partial(MAKERS[name], material))
                result = {**result, name: found, SPENT: {**result.get(SPENT, {}), name: spent_ms / 1000}}
                ahead.passed(name)
            yield Step(done + 1, len(PARTS), DOING[name], result=result)

    def _expected(self, parts: Parts, plan: Data) -> dict[str, float]:
        """Seconds of each part, as the newest profile took them for each question and each document; none where there is none."""
        dataset = load_dataset(str(plan["dataset"]))
        backend = parts.backend(str(plan["backend"]))
        documents = len(dataset.documents)
        if not documents and isinstance(backend, HoldsCorpus):
            documents = len(backend.corpus.indexed())
        for record in LabRecords(parts.settings.data_dir / "lab").newest(self.name):
            result = record.result or {}
            if set(PARTS) <= set(result.get(SPENT, {})):
                growth = (len(dataset.questions) + documents) / (
                    result["about"]["questions"] + result["about"]["documents"]
                )
                return {name: seconds * growth for name, seconds in result[SPENT].items()}
        return {}

    def tables(self, result: Data) -> Sequence[Table]:
        """See `Study.tables`."""
        return profile_tables(result)


def profile_now(parts: Parts, plan: Data) -> Data:
    """A profile that is not kept. Raises as `ProfileStudy.check` does."""
    study = ProfileStudy()
    result: Data = {}
    for step in study.run(parts, study.check(parts, plan), None, threading.Event()):
        result = step.result or result
    return result


def describe(material: Material) -> dict[str, Any]:
    """What was looked at."""
    return {
        "dataset": material.dataset.name,
        "fingerprint": material.dataset.fingerprint,
        "questions": len(material.questions),
        "answerable": sum(bool(question.answers) for question in material.questions),
        "problems": len(material.dataset.problems),
        "types_from": count_types(material.typed),
        "documents": len(material.documents),
        "whose": material.whose,
        "chunks": len(material.chunks),
        "chunking": material.chunking,
        "backend": material.backend.name,
        "top_k": material.top_k,
    }


def look_at_questions(material: Material) -> dict[str, Any]:
    """Lengths, types, groups and extremes of questions and answers."""
    answered = [question for question in material.questions if question.answers]
    texts = [(question.question_id, question.text) for question in material.questions]
    answers = [(question.question_id, question.answers[0]) for question in answered]
    types, groups = count_shares(material.questions)
    return {
        "lengths": _lengths(("question", texts), ("answer", answers)),
        "types": [asdict(each) for each in types],
        "groups": [asdict(each) for each in groups],
        "extremes": _extremes(("question", texts), ("answer", answers)),
    }


def look_at_corpus(material: Material) -> dict[str, Any]:
    """Lengths and extremes of documents and chunks."""
    documents = [(document.document_id, document.text) for document in material.documents]
    chunks = [(chunk.document_id, chunk.text) for chunk in material.chunks]
    return {
        "lengths": _lengths(("document", documents), ("chunk", chunks)),
        "extremes": _extremes(("document", documents), ("chunk", chunks)),
    }


Named = tuple[str, Sequence[tuple[str, str]]]


def _lengths(*kinds: Named) -> list[dict[str, Any]]:
    found = (measure_lengths(name, [text for _, text in texts]) for name, texts in kinds)
    return [asdict(each) for each in found if each is not None]


def _extremes(*kinds: Named) -> list[dict[str, Any]]:
    return [asdict(each) for name, texts in kinds for each in find_extremes(name, texts)]


def look_for_repeats(material: Material) -> dict[str, Any]:
    """What comes twice among questions, documents and chunks, and questions that are asked again with another answer."""
    kinds = (
        ("question", [(each.question_id, each.text) for each in material.questions]),
        ("document", [(each.document_id, each.text) for each in material.documents]),
        ("chunk", [(each.document_id, each.text) for each in material.chunks]),
    )
    rows = []
    for name, texts in kinds:
        drawn = _draw(texts, MOST_COMPARED_TEXTS)
        if not drawn:
            continue
        found = find_repeats([text for _, text in drawn])
        pairs = [
            [drawn[each.first][0], drawn[each.second][0], each.jaccard, " ".join(drawn[each.first][1].split())[:120]]
            for each in found.near[:5]
        ]
        rows.append(
            {
                "name": name,
                "texts": found.texts,
                "exact": found.exact,
                "near_texts": found.near_texts,
                "pairs": pairs,
                "complete": found.complete,
                "drawn": len(drawn) < len(texts),
            }
        )
    return {"kinds": rows, "disagreeing": _disagreeing(material)}


def _disagreeing(material: Material) -> int:
    """Questions whose text comes again with answers that have none in common."""
    said: dict[str, list[frozenset[str]]] = {}
    for question in material.questions:
        said.setdefault(normalise(question.text), []).append(frozenset(map(normalise, question.answers)))
    return sum(
        any(one != other and not one & other for other in golds)
        for golds in said.values()
        if len(golds) > 1
        for one in golds
    )


def look_at_overlap(material: Material) -> list[dict[str, Any]]:
    """Words that questions share with the chunk that answers them."""
    return [asdict(each) for each in measure_overlap(material.questions, material.chunks, seed=SEED)]


def look_at_windows(material: Material) -> list[dict[str, Any]]:
    """What would not fit the embedder, and what reads the chunks."""
    return [asdict(each) for each in (*_embedder_fits(material), *_reader_fits(material)) if each is not None]


def _embedder_fits(material: Material) -> Iterator[Fit | None]:
    embedder = getattr(material.backend, "embedder", None)
    counts = embedder if isinstance(embedder, CountsTokens) else None
    if counts is not None and counts.window is None:
        return
    window = USUAL_WINDOW if counts is None or counts.window is None else counts.window
    name = str(getattr(embedder, "name", "an embedder"))
    kinds: tuple[tuple[str, Kind, list[str]], ...] = (
        ("question", "query", [question.text for question in material.questions]),
        ("chunk", "passage", [chunk_text(chunk.heading, chunk.text) for chunk in material.chunks]),
        ("whole document", "passage", [chunk_text(each.title, each.text) for each in material.documents]),
    )
    for what, kind, texts in kinds:
        drawn = _draw(texts, MOST_COUNTED)
        tokens = [estimate_tokens(text) for text in drawn] if counts is None else counts.count_tokens(drawn, kind)
        yield measure_fit(name, what, window, tokens, counted=counts is not None, drawn=len(drawn) < len(texts))


def _reader_fits(material: Material) -> Iterator[Fit | None]:
    """Of questions and chunks drawn at random, since which come together is known only once they are asked."""
    if not material.chunks:
        return
    generator: Any = getattr(material.backend, "generator", None)
    spans = getattr(generator, "spans", None)
    rng = random.Random(SEED)
    drawn = [
        (rng.choice(material.questions).text, rng.choices(material.chunks, k=material.top_k)) for _ in range(PROMPTS)
    ]
    together = f"question and {material.top_k} chunks" if material.top_k > 1 else "question and chunk"
    if isinstance(spans, CountsPrompts):
        pairs = [(question, chunks[:1]) for question, chunks in drawn]
        name = str(getattr(spans, "name", generator.name))
        yield _prompts_fit(name, "question and chunk", spans, pairs)
    elif isinstance(generator, CountsPrompts):
        yield _prompts_fit(str(getattr(generator, "name", "a generator")), together, generator, drawn)
    elif not hasattr(generator, "spans"):
        tokens = [
            estimate_tokens(question + "".join(chunk_text(chunk.heading, chunk.text) for chunk in chunks))
            for question, chunks in drawn
        ]
        name = str(getattr(generator, "name", "a generator"))
        yield measure_fit(name, together, USUAL_WINDOW, tokens, counted=False, drawn=True)


def _prompts_fit(
    name: str, what: str, counts: CountsPrompts, drawn: Sequence[tuple[str, Sequence[Chunk]]]
) -> Fit | None:
    tokens = [count for question, chunks in drawn for count in counts.count_prompt(question, chunks)]
    return measure_fit(name, what, counts.prompt_window, tokens, counted=True, drawn=True)


def _draw(items: Sequence[Item], most: int) -> Sequence[Item]:
    """All of them, or so many at random, in their order."""
    if len(items) <= most:
        return items
    return [items[place] for place in sorted(random.Random(SEED).sample(range(len(items)), most))]


MAKERS: Mapping[str, Callable[[Material], Any]] = {
    "questions": look_at_questions,
    "corpus": look_at_corpus,
    "repeats": look_for_repeats,
    "overlap": look_at_overlap,
    "windows": look_at_windows,
}
"""What makes each part, JSON-ready."""

DOING = {
    "questions": "Measuring the questions",
    "corpus": "Measuring the corpus",
    "repeats": "Looking for what comes twice",
    "overlap": "Holding questions against their chunks",
    "windows": "Counting tokens",
}
"""What a step is called."""
