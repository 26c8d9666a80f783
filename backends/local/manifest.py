"""Where a built index lies, and the manifest that says what is in it.

An index is a folder of files that never change once it is named in `CURRENT`. A build writes a new folder and then replaces
`CURRENT`, so that a reader sees the old index or the new one, whole, and an interrupted build leaves the old one in place.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from backends.local.disk import checksum
from backends.local.index_choice import IndexChoice
from backends.local.tuning import Tuning
from pipeline.errors import IndexMismatch, Unavailable

FORMAT = 4
"""Rises when an older Raglass could not read the files."""

READABLE = (2, 3, FORMAT)
"""Formats that are read; 2 knows no chosen index, 3 no vectors that are held elsewhere."""

CURRENT = "CURRENT"
MANIFEST = "manifest.json"
CHUNKS = "chunks.sqlite"
SENTENCES = "sentences.npy"
LEXICAL = "bm25"

INDEXES = "indexes"
"""The folder, in a data folder, that holds a root for each embedder."""

HOLDERS: Mapping[str, str] = {
    "faiss": "",
    "pgvector": "in PostgreSQL (pgvector)",
    "pinecone": "in Pinecone",
}
"""What may hold an index's vectors: by name, where the vectors are, for people; nothing of FAISS, whose vectors are here."""

REBUILD = "Run `raglass index --rebuild`; no document is lost by it."


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an index holds and how it was made."""

    format: int
    """`FORMAT` at the time of building."""
    embedder: str
    """The embedder's name."""
    embedder_fingerprint: str
    """The embedder's fingerprint; an index can be searched with vectors of this embedder only."""
    dimension: int
    """Length of a vector."""
    documents: int
    """Documents indexed."""
    chunks: int
    """Chunks indexed, each text once."""
    duplicates: int
    """Chunks left out because their text is indexed already."""
    sentences: int
    """Sentences embedded; 0 where the profile has no use for them."""
    corpus_hash: str
    """Fingerprint of the documents and of the way they were cut."""
    chunking: str
    """How documents were cut, as `Chunking.parse` reads it."""
    kind: str
    """As `faiss_variants.Kind`."""
    tuning: Tuning | None
    """How an approximate index was tuned; None for an exact one."""
    built_at: float
    """Seconds since the Unix epoch."""
    build_s: float
    """Seconds the build took, stops not counted."""
    versions: dict[str, str]
    """Library versions that made it."""
    checksums: dict[str, str]
    """blake2b of each file, by its name."""
    choice: str = ""
    """The index that a person chose and that this is: "HNSW16, efSearch 64"; empty for one that was chosen automatically."""
    refused: str = ""
    """Why what a person chose could not be built; empty where it was, or nothing was chosen."""
    held_by: str = "faiss"
    """What holds the vectors; one of HOLDERS."""
    place: str = ""
    """Where it holds them: a table, a namespace; empty for the index folder."""

    @property
    def fingerprint(self) -> str:
        """Short identity of the index, recorded in every trace."""
        elsewhere = "" if self.held_by == "faiss" else self.held_by
        parts = (self.embedder_fingerprint, self.corpus_hash, self.choice, elsewhere)
        return hashlib.blake2b("/".join(filter(None, parts)).encode(), digest_size=6).hexdigest()

    @property
    def search(self) -> str:
        """The kind of search, and what holds the vectors where that is not FAISS: "hnsw search in PostgreSQL (pgvector)"."""
        return f"{self.kind} search {HOLDERS.get(self.held_by, '')}".rstrip()

    def pending(self, choice: IndexChoice | None) -> str:
        """What the next build makes otherwise than this index is, or why it cannot; empty where the index is as it was asked for.

        choice: what a person chose.
        """
        if choice is None:
            return f"{self.choice} is no longer chosen: the next build chooses by itself" if self.choice else ""
        if choice.name == self.choice:
            return ""
        if self.refuses(choice):
            return f"{choice.name} was chosen, but {self.refused.rstrip('.')}"
        return f"{choice.name} is chosen: the next build makes it"

    def refuses(self, choice: IndexChoice | None) -> bool:
        """Whether the build of this index could not follow the choice."""
        return choice is not None and self.refused.startswith(f"{choice.factory} ")


def checksums(folder: Path) -> dict[str, str]:
    """Those of all files of a folder, by their paths in it."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): checksum(path) for path in paths}


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write `manifest.json` into an index folder."""
    (folder / MANIFEST).write_text(json.dumps(asdict(manifest), indent=1), "utf-8")


def read_manifest(folder: Path) -> Manifest:
    """The manifest of an index folder. Raises Unavailable if it cannot be read or is of a newer format."""
    try:
        data: dict[str, Any] = json.loads((folder / MANIFEST).read_text("utf-8"))
        if data["format"] not in READABLE:
            raise Unavailable(
                f"The index has format {data['format']}, this Raglass reads {FORMAT}. {REBUILD}", stage="retrieve"
            )
        if not isinstance(data["checksums"], dict):
            raise TypeError("checksums")
        tuning = data.pop("tuning")
        return Manifest(**data, tuning=None if tuning is None else Tuning(**tuning))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Unavailable(
            f"The index's manifest is missing or damaged ({type(error).__name__}). {REBUILD}", stage="retrieve"
        ) from error


def verify(folder: Path, manifest: Manifest, embedder_fingerprint: str, embedder: str) -> None:
    """Raise IndexMismatch if another embedder made the index, Unavailable if a file is not as it was built."""
    if manifest.embedder_fingerprint != embedder_fingerprint:
        raise IndexMismatch(
            f"The index was built with {manifest.embedder} ({manifest.embedder_fingerprint}), the embedder is now {embedder} "
            f"({embedder_fingerprint}). {REBUILD}",
            stage="retrieve",
        )
    for name, expected in manifest.checksums.items():
        path = folder / name
        if not path.exists() or checksum(path) != expected:
            raise Unavailable(
                f"The index is damaged: {name} is missing or not as it was written. {REBUILD}", stage="retrieve"
            )


def index_root(data_dir: Path, embedder_fingerprint: str, held_by: str = "faiss") -> Path:
    """Where the indexes of one embedder lie in a data folder; each holder has its own, so that going back to one costs nothing."""
    name = embedder_fingerprint.replace("/", "_")
    return data_dir / INDEXES / (name if held_by == "faiss" else f"{name}@{held_by}")


def current_folder(root: Path) -> Path | None:
    """The folder of the index in use, or None if none was ever built."""
    try:
        name = (root / CURRENT).read_text("utf-8").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise Unavailable(
            f"{root / CURRENT} cannot be read ({type(error).__name__}). {REBUILD}", stage="retrieve"
        ) from error
    if not name or name != Path(name).name:
        raise Unavailable(f"{root / CURRENT} does not name an index. {REBUILD}", stage="retrieve")
    return root / name


def publish(root: Path, folder: Path) -> None:
    """Make `folder` the index in use."""
    pointer = root / f"{CURRENT}.{folder.name}"
    pointer.write_text(folder.name, "utf-8")
    with pointer.open("r+b") as file:
        os.fsync(file.fileno())
    os.replace(pointer, root / CURRENT)


def sweep(root: Path) -> None:
    """Remove what `CURRENT` does not name: older indexes and what broken builds left.

    Readers that hold an older index open are not disturbed. To be called under the build's lock only.
    """
    try:
        current = current_folder(root)
    except Unavailable:
        return
    for other in root.iterdir():
        if other.is_dir() and other != current:
            shutil.rmtree(other, ignore_errors=True)
        elif other.name.startswith(f"{CURRENT}."):
            other.unlink(missing_ok=True)
