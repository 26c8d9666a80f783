"""What reading one file may take, and how a process keeps itself to it."""

import math
import resource
from contextlib import suppress
from dataclasses import dataclass

UNHURRIED_BYTES = 10_000_000
"""A file of this size has the time of one allowance; a larger one has more in proportion."""

MAX_TEMPORARY_BYTES = 200_000_000
"""Of one file that a reader writes, such as a page's picture for tesseract."""

MAX_OPEN_FILES = 64
"""A reader has its file, its reply and a few temporary files open."""

LAST_WORDS_BYTES = 64_000_000
"""Memory beyond the limit with which a child that has reached it can still say so."""


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """What one file may take."""

    max_bytes: int = 50_000_000
    """Of the file."""
    memory_mb: int = 1_000
    """Address space of the process that reads it, in millions of bytes, some 150 of which Python and the readers take. Each program
    that the reader starts has as much again."""
    time_s: float = 60.0
    """Seconds for every 10 MB of the file begun."""
    chars: int = 50_000_000
    """Characters of text that it may hold."""
    documents: int = 100_000
    """Documents that it may hold."""
    parts: int = 1_000_000
    """Paragraphs, rows and other parts that it may hold; one takes the process that asked for it some 200 bytes of memory."""

    def seconds(self, size: int) -> float:
        """How long a file of `size` bytes may take."""
        return self.time_s * max(1, math.ceil(size / UNHURRIED_BYTES))

    def reply_bytes(self) -> int:
        """What a child may send: a character takes four bytes at most, a part some 45 and now and then its headings."""
        return 4 * self.chars + 100 * self.parts + 1_000 * self.documents


def confine(limits: ReadLimits, seconds: float) -> None:
    """Hold this process, and those that it starts, to the limits. On macOS the kernel does not hold anyone to that of memory."""
    memory = limits.memory_mb * 1_000_000
    with suppress(ValueError, OSError):  # macOS
        _limit(resource.RLIMIT_AS, memory, memory + LAST_WORDS_BYTES)
    processor = 2 * math.ceil(seconds)  # The clock is kept outside; this ends what would outlive who keeps it.
    _limit(resource.RLIMIT_CPU, processor, processor)
    _limit(resource.RLIMIT_FSIZE, MAX_TEMPORARY_BYTES, MAX_TEMPORARY_BYTES)
    _limit(resource.RLIMIT_NOFILE, MAX_OPEN_FILES, MAX_OPEN_FILES)
    _limit(resource.RLIMIT_CORE, 0, 0)


def grant_last_words() -> None:
    """Let a process that ran out of memory have a little more, to say so with."""
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


def _limit(what: int, soft: int, hard: int) -> None:
    """Set a limit, or leave a narrower one that this process was given."""
    given = resource.getrlimit(what)[1]
    if given != resource.RLIM_INFINITY:
        soft, hard = min(soft, given), min(hard, given)
    resource.setrlimit(what, (soft, hard))
