"""Whose vectors are whose, where several data folders hold theirs in one database or one cloud index."""

import hashlib
import uuid
from pathlib import Path

from pipeline.whole_files import write_whole

OWNER = "owner"
"""A file in an index root, with a word that is drawn once."""


def owner_of(root: Path) -> str:
    """Sixteen hexadecimal digits that stand for an index root.

    Made of the drawn word and of the path, so that neither a copy of a data folder nor the same path on another machine takes what is the
    other's for its own.
    """
    file = root / OWNER
    try:
        drawn = file.read_text("ascii")
    except FileNotFoundError:
        drawn = uuid.uuid4().hex
        root.mkdir(parents=True, exist_ok=True)
        write_whole(file, drawn)
    return hashlib.blake2b(f"{drawn}\0{root.absolute()}".encode(), digest_size=8).hexdigest()
