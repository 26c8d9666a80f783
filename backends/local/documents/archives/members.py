"""Files that lie in other files, in archives and mails: what is read of them, and what is said of those that cannot be."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from backends.local.documents.blocks import Reading
from backends.local.documents.extract import open_file
from backends.local.documents.types import MEMBER
from backends.local.documents.unpacking import Budget
from pipeline.errors import InputError

MOST_NAMED = 3
"""Names in a sentence, the others being counted."""

MOST_TOLD = 10
"""Members of which it is said why they cannot be read."""


def member_readings(path: str, data: bytes, budget: Budget, failed: list[str]) -> Iterator[Reading]:
    """The readings of a file in another, each with its path. What cannot be read of it is added to `failed`, in a sentence.

    path: in the file around it, different for each; its suffix says the format.
    """
    empty = True
    try:
        for reading in open_file(path, data, budget):
            if any(block.text.strip() for block in reading.blocks):
                empty = False
                yield replace(reading, member=f"{path}{MEMBER}{reading.member}" if reading.member else path)
    except InputError as error:
        failed.append(str(error))
    else:
        if empty:
            failed.append(f"{path} has no text.")


def listed(names: Sequence[str]) -> str:
    """Some names, and how many more there are."""
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def counted(sentences: Sequence[str]) -> tuple[str, ...]:
    """Some sentences, and how many more there are."""
    more = len(sentences) - MOST_TOLD
    return (*sentences[:MOST_TOLD], *([f"{more:,} more files in it could not be read."] if more > 0 else []))
