"""Which documents questions consult: how often, how these questions ended, and which documents none ever did. No streamlit."""

import json
import time
from dataclasses import dataclass

from app.documents.words import SINCE_S
from app.kit.numbers import count
from app.kit.wording import when
from backends.local.corpus import LocalCorpus
from backends.local.documents import builtin_documents
from metrics.labels import bounded
from metrics.outcomes import Ends
from metrics.store import TraceStore

LISTED = 200
"""Documents that are listed of those consulted, and of those never consulted."""


@dataclass(frozen=True, slots=True)
class Use:
    """A document, and the questions for which a chunk of it was retrieved."""

    document_id: str
    """Its id."""
    title: str
    """Its title; the id where it is no longer in the corpus."""
    chunks: int | None
    """Its chunks in the index; None where it is not in it."""
    ends: Ends
    """How these questions ended."""
    thumbs: tuple[int, int] = (0, 0)
    """How many of them people rated up, and how many down."""


@dataclass(frozen=True, slots=True)
class Consulted:
    """The documents of a corpus by use."""

    used: tuple[Use, ...]
    """Those consulted most, LISTED at most."""
    never: tuple[Use, ...]
    """Those with chunks in the index that no question consulted, LISTED at most."""
    used_total: int
    """How many were consulted."""
    never_total: int
    """How many were not."""
    since_s: float | None = None
    """From when on questions are counted, in seconds since the epoch; None where every one is."""

    @property
    def rest(self) -> str:
        """The others: nobody can say "never" of what was asked before it was counted."""
        others = count(self.never_total, "document")
        return (
            f"{others} never consulted"
            if self.since_s is None
            else f"{others} not consulted since {when(self.since_s)}"
        )

    @property
    def headline(self) -> str:
        """What there is to see."""
        if not self.used_total:
            return "No question has been counted by its documents in this time"
        most = self.used[0]
        also = sum(each.ends.asked == most.ends.asked for each in self.used) - 1
        named = f"“{most.title}”" + (f" and {count(also, 'other')}" if also else "")
        idle, since = ("never", "") if self.since_s is None else ("not", f" since {when(self.since_s)}")
        return (
            f"{count(self.used_total, 'document')} consulted{since}, {self.never_total:,} {idle}; "
            f"most often {named}, for {count(most.ends.asked, 'question')}{' each' if also else ''}"
        )


@dataclass(frozen=True, slots=True)
class Counted:
    """What a store says of documents by use, whatever is in the corpus."""

    ends: dict[str, Ends]
    """How the questions ended that consulted each, those consulted most first."""
    thumbs: dict[str, tuple[int, int]]
    """How many of these were rated up, and how many down, of documents that have such."""
    since_s: float | None
    """From when on questions are counted, in seconds since the epoch; None where every one is."""


def count_consulted(store: TraceStore, backend: str, since: str, origin: str | None) -> Counted:
    """How a store's questions used documents. since: a key of SINCE_S. origin: whence the questions came; None for all."""
    length_s = SINCE_S[since]
    since_s = 0.0 if length_s is None else time.time() - length_s
    return Counted(
        store.outcomes.by_document(since_s, backend, origin),
        store.outcomes.thumbs_by_document(since_s, backend, origin),
        max(since_s, store.costs.counted_from() or 0.0) or None,
    )


def read_consulted(corpus: LocalCorpus, counted: Counted) -> Consulted:
    """How the documents of a corpus were used, by what was counted of its backend."""
    found, indexed = counted.ends, corpus.indexed()
    known = {bounded(document_id): document_id for document_id in indexed}
    builtin = {each.document_id: each.title for each in builtin_documents()}

    def use(label: str, ends: Ends) -> Use:
        document_id = known.get(label, label)
        own = None if document_id in builtin else corpus.library.get(document_id)
        title = builtin.get(document_id) or (own.title if own is not None else document_id)
        return Use(document_id, title, indexed.get(document_id), ends, counted.thumbs.get(label, (0, 0)))

    # One without chunks of its own, whose text another document has, cannot be consulted.
    unused = sorted(label for label, document_id in known.items() if indexed[document_id] and label not in found)
    return Consulted(
        tuple(use(label, ends) for label, ends in list(found.items())[:LISTED]),
        tuple(use(label, Ends()) for label in unused[:LISTED]),
        len(found),
        len(unused),
        counted.since_s,
    )


def expression_of(document_id: str) -> str:
    """The expression for the traces that consulted a document."""
    return f"document = {json.dumps(bounded(document_id), ensure_ascii=False)}"
