"""How long reading and indexing will take, before it starts. That a text may have been embedded before is left out of account."""

from collections.abc import Sequence
from dataclasses import dataclass

from backends.local.corpus import LocalCorpus
from backends.local.documents import format_of

SENTENCE_CHARS, CHUNK_CHARS = 110, 700
"""Usual lengths of what is embedded; of English manuals."""

TEXT_SHARE = {False: 0.9, True: 0.15}
"""Characters of text in a byte of a file, by whether its format is binary: PDF and office files are mostly layout and pictures."""

READ_BYTES_S = 2_000_000
"""Bytes of files read in a second."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What is to be done, and about how long it takes."""

    files: int
    """Files to read; one that is refused for its suffix is none."""
    size: int
    """Their bytes."""
    documents: int
    """Documents that were read and are not in the index."""
    seconds: float
    """Time for all of it."""


def estimate(corpus: LocalCorpus, files: Sequence[tuple[str, int]], pending_chars: Sequence[int] = ()) -> Estimate:
    """How long files take, each by its name and its size in bytes, and documents of these lengths that are not in the index yet."""
    files = [(name, each) for name, each in files if format_of(name) is not None]
    size = sum(each for _, each in files)
    chars = sum(pending_chars)
    for name, each in files:
        kind = format_of(name)
        chars += int(each * TEXT_SHARE[kind is not None and kind.binary])
    texts = chars / CHUNK_CHARS + (chars / SENTENCE_CHARS if corpus.with_sentences else 0)
    seconds = size / READ_BYTES_S + texts * text_seconds(corpus) if texts else 0.0
    return Estimate(len(files), size, len(pending_chars), seconds)


def text_seconds(corpus: LocalCorpus) -> float:
    """Seconds that embedding a text takes here: as the last job measured it, else as a few texts do now."""
    measured = corpus.library.sources.measured(pace_name(corpus))
    return corpus.text_seconds if measured is None else measured


def pace_name(corpus: LocalCorpus) -> str:
    """Under which name a job keeps the pace that it measured; every embedder has its own."""
    return f"seconds a text, {corpus.embedder_fingerprint}"
