"""The kind of index that a person chose for an embedder's vectors: a file beside the indexes, which every build follows.

It lies in the index root, which belongs to one embedder: what is best for one embedder's vectors is not for another's.
docs/adr/0016 says why it is no environment variable.
"""

import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path

from backends.local.disk import why
from backends.local.faiss_variants import is_usable, kind_of, named
from pipeline.errors import InputError, StoreError
from pipeline.whole_files import write_whole

log = logging.getLogger(__name__)

CHOICE = "choice.json"
"""Its file, in an index root."""

MOST_EFFORT = 1_000_000


@dataclass(frozen=True, slots=True)
class IndexChoice:
    """An index that was chosen."""

    factory: str
    """As `faiss.index_factory` reads it, one of `faiss_variants.PATTERNS`."""
    effort: int
    """efSearch, nprobe or the refinement's factor; 0 of an exact search."""
    depth: int
    """Chunks that were asked for at once when it was measured."""
    study: str
    """The record of the study that it was chosen in; empty for none."""
    chosen_at: float
    """Seconds since the Unix epoch."""

    @property
    def name(self) -> str:
        """With its effort: "HNSW32, efSearch 64"."""
        return named(self.factory, self.effort)


def read_choice(root: Path) -> IndexChoice | None:
    """What was chosen for the indexes under a root; None for nothing, or for what cannot be read, which is logged."""
    try:
        found = IndexChoice(**json.loads((root / CHOICE).read_text("utf-8")))
        check_choice(found)
        return found
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, InputError) as error:
        log.warning("%s cannot be read (%s), so the index is chosen automatically", root / CHOICE, error)
        return None


def check_choice(choice: IndexChoice) -> None:
    """Raise InputError for an index that cannot be used."""
    try:
        kind = kind_of(choice.factory)
    except ValueError as error:
        raise InputError(f"{error} Choose one that the study measured.") from error
    if not is_usable(choice.factory, choice.effort):
        raise InputError(
            f"{choice.name} keeps codes and no vectors, which exact search and explanations need. Choose a refinement of 1 or more."
        )
    least = 0 if kind == "exact" else 1
    if not all(isinstance(number, int) for number in (choice.effort, choice.depth)) or choice.depth < 1:
        raise InputError(f"An effort of {choice.effort!r} at {choice.depth!r} chunks is none. Choose one of the study.")
    if not least <= choice.effort <= MOST_EFFORT:
        raise InputError(
            f"{choice.factory} cannot be searched with an effort of {choice.effort}. Choose one of the study."
        )


def write_choice(root: Path, choice: IndexChoice) -> None:
    """Let the next builds under a root follow a choice. Raises InputError for one that cannot be used, StoreError if the disk refuses."""
    check_choice(choice)
    try:
        root.mkdir(parents=True, exist_ok=True)
        write_whole(root / CHOICE, json.dumps(asdict(choice), indent=1))
    except OSError as error:
        raise StoreError(
            f"The choice could not be kept in {root}: {why(error)}. Free some space, and choose again."
        ) from error


def forget_choice(root: Path) -> bool:
    """Let the next builds choose automatically again; whether anything had been chosen."""
    try:
        (root / CHOICE).unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StoreError(f"{root / CHOICE} cannot be removed: {why(error)}. See who may write there.") from error
    return True
