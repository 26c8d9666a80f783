"""Vectors already computed, by the text they were computed from: what makes a stopped build resume and a rebuild cheap.

`VectorMemory` keeps some in the process, `VectorCache` all of them on disk: one SQLite file per embedder fingerprint, beside an
optional read-only seed (the built-in corpus's vectors, committed).
On disk passages are kept as float16: half the bytes, and a cosine moves by less than 0.001. Questions are kept as they are, so that a run
gives the same answers whether their vectors were known or not.
"""

import hashlib
import logging
import sqlite3
import threading
import time
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from backends.local.disk import switch_to_wal, why
from pipeline.deadline import Deadline
from pipeline.errors import DimensionMismatch, StoreError
from pipeline.types import Kind

log = logging.getLogger(__name__)

FloatArray = npt.NDArray[np.float32]

LOCK_WAIT_S = 30.0
"""How long a writer waits for another one."""

KEY_BYTES = 16


class LocalEmbedder(Protocol):
    """An embedder that runs in this process and can say exactly which model it is."""

    name: str
    dimension: int
    fingerprint: str
    """Changes whenever the vectors would."""

    def embed(self, texts: Sequence[str], kind: Kind, *, deadline: Deadline | None = None) -> FloatArray:
        """Embed texts as float32 (n, dimension), L2-normalised."""


def check_dimension(vectors: FloatArray, dimension: int) -> None:
    """Raise DimensionMismatch for questions' vectors that are not (n, dimension)."""
    if vectors.ndim != 2 or vectors.shape[1] != dimension:
        raise DimensionMismatch(
            f"The question's vector has shape {vectors.shape}, the index holds vectors of {dimension}. "
            "The embedder is not the one that built the index: run `raglass index --rebuild`.",
            stage="retrieve",
        )


def text_key(text: str) -> bytes:
    """16 bytes that stand for a text."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=KEY_BYTES).digest()


class Seed:
    """Vectors that ship with the product: an `.npz` with `fingerprint`, `keys` (n, 16) uint8 and `vectors` (n, dim) float16."""

    def __init__(self, fingerprint: str, keys: npt.NDArray[np.uint8], vectors: npt.NDArray[np.float16]) -> None:
        self.fingerprint = fingerprint
        self.vectors = vectors
        self._rows = {bytes(key): row for row, key in enumerate(keys)}

    @classmethod
    def load(cls, path: Path) -> "Seed | None":
        """The seed at `path`, or None if there is none. A damaged one costs time, not answers: the log says so."""
        if not path.exists():
            return None
        try:
            with path.open("rb") as file, np.load(file) as data:
                return cls(str(data["fingerprint"]), data["keys"], data["vectors"])
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            log.warning("%s is damaged (%s); its vectors are computed again", path, type(error).__name__)
            return None

    def save(self, path: Path) -> None:
        """Write the seed; rows are sorted by key, so that the same texts give the same bytes."""
        keys = sorted(self._rows)
        rows = [self._rows[key] for key in keys]
        np.savez(
            path,
            fingerprint=np.array(self.fingerprint),
            keys=np.frombuffer(b"".join(keys), np.uint8).reshape(-1, KEY_BYTES),
            vectors=self.vectors[rows],
        )

    def get(self, key: bytes) -> npt.NDArray[np.float16] | None:
        """The vector for a key."""
        row = self._rows.get(key)
        return None if row is None else self.vectors[row]


class VectorMemory:
    """The vectors used last, in this process. Thread-safe; threads that miss the same text at once may each make its vector."""

    def __init__(self, kept: int) -> None:
        """kept: how many vectors, at least 1."""
        self._kept = kept
        self._vectors: OrderedDict[bytes, FloatArray] = OrderedDict()
        self._lock = threading.Lock()

    def recall(self, texts: Sequence[str], make: Callable[[Sequence[str]], FloatArray]) -> FloatArray:
        """Vectors of texts, float32 (n, dim). `make` is called at most once, with each text that is not known, once."""
        if not texts:
            return make(texts)
        unique = {text_key(text): text for text in texts}
        with self._lock:
            known = {key: self._vectors[key] for key in unique if key in self._vectors}
        missing = [text for key, text in unique.items() if key not in known]
        if missing:
            # Copies, lest a row keep its whole batch in memory.
            known.update((text_key(text), row.copy()) for text, row in zip(missing, make(missing), strict=True))
        self._keep({key: known[key] for key in unique})
        return np.stack([known[text_key(text)] for text in texts])

    def knows(self, text: str) -> bool:
        """Whether a text's vector is kept."""
        with self._lock:
            return text_key(text) in self._vectors

    def keep(self, vectors: Mapping[str, FloatArray]) -> None:
        """Keep vectors that were made elsewhere, by their texts."""
        self._keep({text_key(text): vector for text, vector in vectors.items()})

    def _keep(self, vectors: Mapping[bytes, FloatArray]) -> None:
        with self._lock:
            for key, vector in vectors.items():
                self._vectors[key] = vector
                self._vectors.move_to_end(key)
            while len(self._vectors) > self._kept:
                self._vectors.popitem(last=False)


class VectorCache:
    """Vectors of one embedder, on disk. Safe for several processes; a lost cache costs time, never data.

    The file is made when it is first needed: answering from an index needs none, so a full disk does not keep from that.
    """

    def __init__(
        self,
        folder: Path,
        fingerprint: str,
        dimension: int,
        seed: Seed | None = None,
        *,
        dtype: type[np.float16] | type[np.float32] = np.float16,
    ) -> None:
        """dtype: how numbers are kept."""
        self.dimension, self.dtype = dimension, dtype
        self._seed = seed if seed is not None and seed.fingerprint == fingerprint else None
        self._path = folder / f"{fingerprint.replace('/', '_')}.sqlite"

    @contextmanager
    def _use(self) -> Iterator[sqlite3.Connection]:
        """A connection of this call's own; what the file system or SQLite raises leaves as StoreError."""
        connection: sqlite3.Connection | None = None
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self._path, timeout=LOCK_WAIT_S, isolation_level=None)
            switch_to_wal(connection, LOCK_WAIT_S)
            connection.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB) WITHOUT ROWID")
            yield connection
        except (OSError, sqlite3.Error) as error:
            raise StoreError(
                f"The vector cache {self._path} cannot be used: {why(error)}. Check that the data directory (RAGLASS_DATA_DIR) "
                "can be written and has space; a damaged cache file can simply be deleted."
            ) from error
        finally:
            if connection is not None:
                connection.close()

    def get(self, keys: Sequence[bytes]) -> dict[bytes, npt.NDArray[Any]]:
        """The vectors that are known among `keys`."""
        known: dict[bytes, npt.NDArray[Any]] = {}
        size = np.dtype(self.dtype).itemsize * self.dimension
        missing: list[bytes] = []
        for key in keys:
            vector = self._seed.get(key) if self._seed else None
            if vector is None:
                missing.append(key)
            else:
                known[key] = vector
        with self._use() as connection:
            for start in range(0, len(missing), 500):
                part = missing[start : start + 500]
                marks = ",".join("?" * len(part))
                for key, blob in connection.execute(f"SELECT key, vector FROM vectors WHERE key IN ({marks})", part):
                    if len(blob) == size:
                        known[key] = np.frombuffer(blob, self.dtype)
        return known

    def put(self, items: Sequence[tuple[bytes, npt.NDArray[Any]]]) -> None:
        """Keep vectors of `dtype`, in one transaction."""
        with self._use() as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                "INSERT OR REPLACE INTO vectors VALUES (?, ?)", [(key, vector.tobytes()) for key, vector in items]
            )
            connection.execute("COMMIT")


@dataclass(frozen=True, slots=True)
class EmbedProgress:
    """How far embedding has come."""

    done: int
    """Texts that have a vector."""
    total: int
    """Texts in all."""
    remaining_s: float | None
    """Estimate from the characters embedded so far in this call; None before the first batch."""


def embed_all(
    texts: Sequence[str],
    embedder: LocalEmbedder,
    cache: VectorCache,
    *,
    batch: int = 16,
    on_progress: Callable[[EmbedProgress], None] | None = None,
) -> npt.NDArray[np.float16]:
    """Embed passages, taking from the cache what it has: float16 (len(texts), dim).

    Every batch is in the cache before the next begins, so that a build can be stopped anywhere and go on from there.
    on_progress: called before each batch and at the end; what it raises stops the work.
    """
    keys = [text_key(text) for text in texts]
    unique = dict(zip(keys, texts, strict=True))
    vectors = cache.get(list(unique))
    missing = [key for key in unique if key not in vectors]
    chars_left = sum(len(unique[key]) for key in missing)
    chars_done, started = 0, time.monotonic()

    def tell() -> None:
        if on_progress is not None:
            pace = (time.monotonic() - started) / chars_done if chars_done else None
            on_progress(EmbedProgress(len(vectors), len(unique), None if pace is None else pace * chars_left))

    for part in _parts(missing, batch):
        tell()
        made = embedder.embed([unique[key] for key in part], "passage").astype(np.float16)
        items = list(zip(part, made, strict=True))
        cache.put(items)
        vectors.update(items)
        chars = sum(len(unique[key]) for key in part)
        chars_done += chars
        chars_left -= chars
    tell()
    if not keys:
        return np.empty((0, embedder.dimension), np.float16)
    return np.stack([vectors[key] for key in keys])


def _parts(items: list[bytes], size: int) -> Iterator[list[bytes]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
