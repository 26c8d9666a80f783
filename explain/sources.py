"""What can be taken away from an answer's context: whole chunks, or single sentences of them.

Owns how a context looks with some of it missing. A sentence that is left out leaves the rest of its chunk as it is, title and all; a
chunk none of whose sentences is left is gone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from backends.local.splitting import split_sentences
from pipeline.errors import InputError
from pipeline.types import Chunk

MaskArray = npt.NDArray[np.bool_]

Unit = Literal["chunks", "sentences"]
"""What is left out at a time."""

MOST_SOURCES = 200
"""Sources beyond which a few dozen ablations say nothing about any one of them."""


@dataclass(frozen=True, slots=True)
class Source:
    """A piece of context that is left out whole."""

    chunk: int
    """Position of its chunk among those read."""
    start: int
    """First character in the chunk's text."""
    end: int
    """One past its last character."""


def split_sources(chunks: Sequence[Chunk], unit: Unit) -> tuple[Source, ...]:
    """The sources of a context, in its order. Raises InputError for more than MOST_SOURCES, or none."""
    found = tuple(
        Source(place, start, end)
        for place, chunk in enumerate(chunks)
        for start, end in ([(0, len(chunk.text))] if unit == "chunks" else split_sentences(chunk.text))
    )
    if not 1 <= len(found) <= MOST_SOURCES:
        raise InputError(
            f"The chunks have {len(found)} {unit}; between 1 and {MOST_SOURCES} can be told apart. Ask again with another top_k."
        )
    return found


def keep_sources(chunks: Sequence[Chunk], sources: Sequence[Source], mask: MaskArray) -> list[Chunk]:
    """The context with only the masked sources in it; mask (n_sources,). A chunk that is cut gets an id of its own."""
    found = []
    for place, chunk in enumerate(chunks):
        own = [i for i, source in enumerate(sources) if source.chunk == place]
        kept = [i for i in own if mask[i]]
        if len(kept) == len(own):
            found.append(chunk)
        elif kept:
            text = " ".join(chunk.text[sources[i].start : sources[i].end].strip() for i in kept)
            parts = ",".join(str(own.index(i)) for i in kept)
            found.append(replace(chunk, chunk_id=f"{chunk.chunk_id}#{parts}", text=text))
    return found
