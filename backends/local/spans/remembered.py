"""The marks that were made last, so that explaining an answer reads nothing a second time."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Protocol

from backends.local.spans.model import Marks
from pipeline.deadline import Deadline
from pipeline.types import Chunk

KEPT = 512
"""Of chunks read for a question, with about 7 kB each."""


class SpanSource(Protocol):
    """What marks the words of chunks that answer; see `spans.model.SpanModel`."""

    name: str
    fingerprint: str
    """Changes whenever the marks would."""

    def read(self, question: str, chunks: Sequence[Chunk], *, deadline: Deadline | None = None) -> list[Marks]:
        """What it makes of each chunk, whatever stands beside it. Raises Timeout past the deadline."""


class RememberedMarks:
    """A `SpanSource` that keeps what another one made. Thread-safe if that one is."""

    def __init__(self, spans: SpanSource, *, kept: int = KEPT) -> None:
        """kept: how many, at least 1."""
        self._spans, self._kept = spans, kept
        self.name, self.fingerprint = spans.name, spans.fingerprint
        self._marks: OrderedDict[tuple[str, str, str], Marks] = OrderedDict()
        self._lock = threading.Lock()

    def read(
        self, question: str, chunks: Sequence[Chunk], *, deadline: Deadline | None = None, anew: bool = False
    ) -> list[Marks]:
        """See `SpanSource.read`; asks for what is not kept, each chunk once. anew: for all of it."""
        keys = [(question, chunk.heading, chunk.text) for chunk in chunks]
        with self._lock:
            found = {} if anew else {key: self._marks[key] for key in keys if key in self._marks}
        missing = {key: chunk for key, chunk in zip(keys, chunks, strict=True) if key not in found}
        if missing:
            made = self._spans.read(question, list(missing.values()), deadline=deadline)
            found.update(zip(missing, made, strict=True))
        with self._lock:
            for key in keys:
                self._marks[key] = found[key]
                self._marks.move_to_end(key)
            while len(self._marks) > self._kept:
                self._marks.popitem(last=False)
        return [found[key] for key in keys]
