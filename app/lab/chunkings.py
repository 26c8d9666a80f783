"""Chunkings side by side: what another way of cutting the documents does to retrieval, answers and cost."""

import hashlib
import threading
from collections.abc import Generator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from app.kit.numbers import count, rough_time
from app.kit.wording import listed
from app.lab.one_by_one import Doing, Row, carry_on
from app.lab.pace import find_paces, pace_words
from app.lab.paid import paid_words
from app.lab.parts import Parts
from app.lab.side_by_side import (
    Shown,
    figure,
    figures_table,
    good_rows,
    pairs_table,
    problems_table,
    sum_up,
    types_table,
)
from app.lab.study import Data, Step
from app.lab.tables import Kind, Table, value_words
from app.lab.workplace import (
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
from app.runs.estimate import estimate_words
from backends.local.protocols import HoldsCorpus
from backends.local.texts import chunk_text
from evaluation.datasets import Dataset, LabelledQuestion
from evaluation.runner import run_questions
from evaluation.scoring import Scored
from evaluation.summary import MEASURES
from pipeline.errors import BackendError, ConfigError, InputError
from pipeline.protocols import Backend, BatchAnswerer, Experimenter
from pipeline.types import Trace, heading_of

if TYPE_CHECKING:
    from backends.local.corpus import LocalCorpus
    from backends.local.index import IndexedChunk

USUAL = ("heading:800", "paragraph:800", "sentence:500", "page:800", "heading:1200", "heading:800:150")
"""What is tried where nothing is named."""

DEPTH = 40
"""Chunks, best first, among which the first gold one is looked for, to see how many words come before it."""

ASKED = 2
"""Searches for a question: one to answer it, one to see how far down the gold chunk is."""

INDEXING, ASKING, LOOKING = (0.0, 0.5), (0.5, 0.8), (0.8, 1.0)
"""Parts of a way's time, as a rule: see `Doing.share`."""

TESTED = ("recall", "recall in words", "correct")
"""Of these all chunkings are tested against the one in use."""

KINDS: Mapping[str, Kind] = {"recall": "share", "recall in words": "share", "correct": "share"}


class ChunkingStudy:
    """The same questions over the same documents, cut in different ways."""

    name = "chunks"
    title = "How to cut"
    about = (
        "Cuts and indexes the documents in different ways and asks the same questions over each. What suits these documents "
        "may not suit others: manuals and chats differ. Larger chunks are found more easily, simply because they hold more."
    )

    def check(self, parts: Parts, plan: Data) -> Data:
        """The plan with the chunking in use in front, each written as the settings do; see `Study.check`."""
        from backends.local.chunking import Chunking

        checked = check_questions(parts, plan)
        named = check_names([parts.settings.chunking, *(plan.get("chunkings") or USUAL)], "a way of cutting")
        found = []
        for words in named:
            try:
                found.append(str(Chunking.parse(words)))
            except ConfigError as error:
                raise InputError(f"{words!r} is no way of cutting. {str(error).split('. ', 1)[-1]}") from error
        ways = list(dict.fromkeys(found))
        if len(ways) < 2:
            raise InputError(f"{ways[0]} is in use already. Name another way of cutting to hold it against.")
        if not isinstance(parts.backend(checked["backend"]), HoldsCorpus):
            raise InputError(
                f"The documents of {checked['backend']} are kept and cut elsewhere. Choose a local backend."
            )
        return {**checked, "chunkings": ways, "in_use": found[0]}

    def estimate(self, parts: Parts, plan: Data) -> str:
        """As earlier studies took, else, at most, as embedding a few texts shows; see `Study.estimate`."""
        backend, dataset = parts.backend(plan["backend"]), read_dataset(parts, plan)
        others, chunks = len(plan["chunkings"]), count_texts(parts, plan["backend"], dataset)
        if chunks is None or not isinstance(backend, HoldsCorpus):
            return (
                f"{count(others, 'way')} of cutting; how long it takes is told once the first documents are embedded."
            )
        sentences = 0.0
        if backend.corpus.has_index():
            manifest = backend.corpus.index.manifest
            sentences = manifest.sentences / max(1, manifest.chunks)
        spent = backend.corpus.text_seconds * chunks * (3 + sentences) * others
        expected = self._expected(parts, plan, dataset)
        if set(plan["chunkings"]) <= expected.keys():
            told = pace_words(expected, plan["chunkings"], "")
            return f"{count(others, 'way')} of cutting. {told} {paid_words([parts.settings.embedder, parts.settings.generator])}"
        questions = len(dataset.questions)
        asked = estimate_words(parts.store(), plan["backend"], questions * others * ASKED, 1)
        return (
            f"{count(others, 'way')} of cutting: at most {rough_time(spent)} of embedding, less what has a vector already, and "
            f"{count(questions, 'question')} asked over each. Asking: {asked[:1].lower()}{asked[1:]}"
        )

    def run(self, parts: Parts, plan: Data, before: Data | None, stop: threading.Event) -> Generator[Step, None, None]:
        """See `Study.run`."""
        dataset = read_dataset(parts, plan)
        about = {**describe_questions(dataset.questions), "top_k": plan["top_k"], "in_use": plan["in_use"]}
        measure = partial(self._measure, parts, plan, dataset, stop=stop)
        expected = self._expected(parts, plan, dataset)
        yield from carry_on(plan["chunkings"], before, measure, partial(conclude, about), stop, expected)

    def _expected(self, parts: Parts, plan: Data, dataset: Dataset) -> dict[str, float]:
        """Seconds of the ways that were measured here before."""
        chunks = count_texts(parts, plan["backend"], dataset)
        if chunks is None:
            return {}
        paces = find_paces(parts, self.name, _work)
        return {name: pace * (chunks + len(dataset.questions)) for name, pace in paces.items()}

    def _measure(
        self, parts: Parts, plan: Data, dataset: Dataset, chunking: str, *, stop: threading.Event
    ) -> Generator[Doing, None, Row | None]:
        with config_over(parts, dataset, chunking=chunking) as config:
            backend = parts.open_backend(plan["backend"], config)
            try:
                if not isinstance(backend, HoldsCorpus):
                    raise InputError(f"The documents of {plan['backend']} are kept and cut elsewhere.")
                fill(backend.corpus, dataset)
                if not (yield from build(backend.corpus, stop, INDEXING)):
                    return None
                yield Doing(0, 0, "looking for the right chunks", ASKING)
                chunks = all_chunks(backend.corpus.index)
                cost = _cost(backend.corpus, chunks)
                gold = find_gold(dataset.questions, [chunk.unranked(0) for chunk in chunks])
                asked = yield from _ask(backend, plan, dataset, parts.settings.deadline_s, stop)
                if asked is None:
                    return None
                values, kept = asked
                values["reachable"] = [
                    float(bool(rows)) if question.answers else None
                    for question, rows in zip(dataset.questions, gold, strict=True)
                ]
                return {"name": chunking, "values": values, "words_before_gold": kept, **cost}
            finally:
                backend.close()

    def tables(self, result: Data) -> Sequence[Table]:
        """See `Study.tables`."""
        rows = good_rows(result)
        found = [problems_table(result, "chunking")]
        if rows:
            names = (_main_table(result, rows), _cost_table(rows))
            kinds = types_table(
                "types",
                "Right answers by question type",
                rows,
                "correct",
                head="chunking",
                note="Types with fewer than 10 questions are left out. With few questions, a difference of a few points may be chance.",
            )
            labels = {"recall": f"recall@{result['top_k']}", "correct": "right"}
            labels["recall in words"] = f"recall in {result['words']:,.0f} words"
            found = [*names, pairs_table(result, labels, KINDS), kinds, *found]
        return [table for table in found if table is not None]


def _ask(
    backend: Backend, plan: Data, dataset: Dataset, deadline_s: float, stop: threading.Event
) -> Generator[Doing, None, tuple[dict[str, list[float | None]], list[int | None]] | None]:
    """Ask every question: figures of each, and the words that come before a gold chunk is read; None where it was stopped."""
    scores: dict[str, Scored] = {}
    words: dict[str, float] = {}
    given = {"top_k": plan["top_k"], "deadline_s": deadline_s, "rerank": plan["rerank"]}

    def ask(texts: Sequence[str]) -> list[Trace]:
        if isinstance(backend, BatchAnswerer):
            traces = backend.answer_batch(texts, **given)
        else:
            traces = [backend.answer(text, **given) for text in texts]
        words.update({trace.trace_id: float(count_words(trace)) for trace in traces})
        return traces

    def keep(found: Sequence[Scored]) -> None:
        scores.update({each.question_id: each for each in found})

    batch = backend.batch_size if isinstance(backend, BatchAnswerer) else 1
    for progress in run_questions(dataset.questions, ask, keep, batch=batch, stop=stop):
        yield Doing(progress.done, progress.total, "asking", ASKING)
    if len(scores) < len(dataset.questions):
        return None
    ordered = [scores[question.question_id] for question in dataset.questions]
    measured = ("recall", "mrr", "correct", "abstained", "duration, ms")
    values: dict[str, list[float | None]] = {name: [MEASURES[name](each) for each in ordered] for name in measured}
    values["words"] = [words[each.trace_id] for each in ordered]
    kept: list[int | None] = []
    for place, question in enumerate(dataset.questions):
        if stop.is_set():
            return None
        kept.append(_words_to_gold(backend, question, plan, deadline_s))
        yield Doing(place + 1, len(dataset.questions), "looking how far down the right chunk is", LOOKING)
    return values, kept


def _work(result: Data, row: Data) -> float:
    """Chunks as the way in use cuts them, of which others are a part or a multiple, and questions."""
    used = next((each["chunks"] for each in result["rows"] if each["name"] == result["in_use"]), 0)
    return float(used + len(result["clusters"])) if used else 0.0


def count_words(trace: Trace) -> int:
    """Words of the chunks that were read for an answer; of all that were retrieved, where that is not said."""
    used = set() if trace.generation is None else set(trace.generation.used_chunk_ids)
    return sum(len(chunk.text.split()) for chunk in trace.chunks if not used or chunk.chunk_id in used)


def _words_to_gold(backend: Backend, question: LabelledQuestion, plan: Data, deadline_s: float) -> int | None:
    """Words of the chunks down to the first gold one, that one among them; None where none is found, or none is known."""
    if not question.answers or not isinstance(backend, Experimenter):
        return None
    try:
        found = backend.retrieve(question.text, top_k=DEPTH, deadline_s=deadline_s, rerank=plan["rerank"])
    except BackendError:
        return None
    places = question.gold.places(found)
    return sum(len(chunk.text.split()) for chunk in found[: places[0] + 1]) if places else None


def _cost(corpus: "LocalCorpus", chunks: Sequence["IndexedChunk"]) -> dict[str, Any]:
    """What the index takes: chunks, texts and characters that are embedded, how long a few of them took, bytes of the vectors."""
    manifest = corpus.index.manifest
    sample = drawn([chunk_text(heading_of(chunk.title, chunk.section), chunk.text) for chunk in chunks], TIMED_TEXTS)
    chars = sum(len(heading_of(chunk.title, chunk.section)) + len(chunk.text) for chunk in chunks)
    if manifest.sentences:
        chars += sum(len(heading_of(each.title, each.section)) * each.sentences + len(each.text) for each in chunks)
    return {
        "chunks": manifest.chunks,
        "texts": manifest.chunks + manifest.sentences,
        "chunk_words": sum(len(chunk.text.split()) for chunk in chunks) / len(chunks),
        "chars": chars,
        "timed_s": corpus.embed_seconds(sample),
        "timed_chars": sum(map(len, sample)),
        "bytes": (manifest.chunks * 4 + manifest.sentences * 2) * manifest.dimension,
        "same_as": hashlib.blake2b("".join(chunk.chunk_id for chunk in chunks).encode(), digest_size=8).hexdigest(),
    }


def conclude(about: Mapping[str, Any], rows: Sequence[Row]) -> Data:
    """The study's result: recall within as many words as the chunking in use has read, beside what each row holds."""
    good = [row for row in rows if not row.get("problem")]
    base = next((row for row in good if row["name"] == about["in_use"]), good[0] if good else None)
    words = 0.0 if base is None else sum(base["values"]["words"]) / max(1, len(base["values"]["words"]))
    pace = sum(row["timed_s"] for row in good) / max(1, sum(row["timed_chars"] for row in good))
    told = []
    for row in rows:
        if row.get("problem"):
            told.append(row)
            continue
        within = [
            None if reachable is None else float(before is not None and before <= words)
            for reachable, before in zip(row["values"]["reachable"], row["words_before_gold"], strict=True)
        ]
        told.append({**row, "values": {**row["values"], "recall in words": within}, "embed_s": row["chars"] * pace})
    against = None if base is None else base["name"]
    return sum_up(told, {**about, "words": words}, TESTED, by_type=("recall", "correct"), against=against)


def _main_table(result: Data, rows: Sequence[Row]) -> Table:
    best = max(rows, key=lambda row: figure(row, "correct").value or 0.0)
    base = next((row for row in rows if row["name"] == result["in_use"]), rows[0])
    right = {row["name"]: value_words("share", figure(row, "correct").value or 0.0) for row in rows}
    if best["name"] == base["name"]:
        title = f"No way of cutting has more right answers than {base['name']}, the one in use: {right[base['name']]}"
    else:
        sure = any(
            each["significant"] and each["measure"] == "correct" and each["second"] == best["name"]
            for each in result["pairs"]
        )
        told = "by more than chance" if sure else "which may be chance"
        title = f"{best['name']} has {right[best['name']]} right, {base['name']} in use {right[base['name']]}, {told}"
    shown: list[Shown] = [
        ("correct", "right", "share"),
        ("recall", f"recall@{result['top_k']}", "share"),
        ("recall in words", f"recall in {result['words']:,.0f} words", "share"),
        ("reachable", "whole in a chunk", "share"),
        ("mrr", "MRR", "number"),
        ("abstained", "abstained", "share"),
    ]
    note = (
        f"Recall: a chunk of the right document that holds an expected answer is among the first {result['top_k']}. Larger "
        f"chunks win here, since they hold more. Recall in {result['words']:,.0f} words compares all ways at the same length: "
        "that of what a question reads as documents are cut now. Whole in a chunk: the answer stands in a single chunk; where "
        "it does not, no search can find it whole. The star is the way in use. Intervals are 95 %, over "
        f"{count(len(set(result['clusters'])), 'article')}."
    )
    marked = frozenset(place for place, row in enumerate(rows) if row["name"] == result["in_use"])
    return figures_table("chunkings", title, rows, shown, head="chunking", note=note, marked=marked)


def _cost_table(rows: Sequence[Row]) -> Table:
    most, least = (pick(rows, key=lambda row: row["embed_s"]) for pick in (max, min))
    ratio = most["embed_s"] / max(least["embed_s"], 1e-9)
    title = "All ways cost about the same embedding"
    if ratio >= 1.05:
        title = f"{most['name']} takes {ratio:.3g} times the embedding of {least['name']}"
    read = min(rows, key=lambda row: figure(row, "words").value or 0.0)
    note = (
        f"Embedding: how long it would take here with no vector known yet, estimated from {TIMED_TEXTS} chunks of each way on a "
        "machine that may have been busy. Vectors: their size in memory. Words a question: of the chunks that were read, by "
        f"which a language model is paid; {read['name']} reads the fewest.{_twins(rows)}"
    )
    return figures_table(
        "cost",
        title,
        rows,
        [("words", "words a question", "count"), ("duration, ms", "a question", "ms")],
        head="chunking",
        note=note,
        extra=[
            ("chunks", "count", [row["chunks"] for row in rows]),
            ("words a chunk", "count", [row["chunk_words"] for row in rows]),
            ("texts embedded", "count", [row["texts"] for row in rows]),
            ("embedding", "ms", [row["embed_s"] * 1000 for row in rows]),
            ("vectors", "bytes", [row["bytes"] for row in rows]),
        ],
    )


def _twins(rows: Sequence[Row]) -> str:
    """Which ways give the very same chunks, in sentences."""
    groups: dict[str, list[str]] = {}
    for row in rows:
        groups.setdefault(row["same_as"], []).append(row["name"])
    return "".join(f" {listed(group)} give the very same chunks." for group in groups.values() if len(group) > 1)
