"""Latency sketches: durations as mergeable counts, so that percentiles cost the same however many traces there are.

A DDSketch (Masson, Rim and Lee, VLDB 2019, https://www.vldb.org/pvldb/vol12/p2195-masson.pdf): a duration x falls into
bin ⌈log_γ x⌉ with γ = (1 + α) / (1 - α), and a quantile read from the bins is within α of the true one. Bins and bytes
are those of the `ddsketch` library, whose own reader takes ours; merging is done in NumPy because the library's reader
takes 0.75 ms a sketch and a day of one backend is some 7,000 sketches.

Beside the bins a sketch keeps bounds, which are the shortest and the longest duration where they are known: nothing read from it lies
beyond them, so that a percentile never exceeds the slowest trace, and of a few traces is the slowest.
"""

import math
import struct
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import numpy as np
from ddsketch.mapping import LogarithmicMapping
from ddsketch.pb import ddsketch_pb2
from numpy.typing import NDArray

RELATIVE_ACCURACY = 0.01
"""α: a quantile is at most 1 % off."""

MAX_MS = 1e12
"""Thirty years. Longer durations are clock errors; they count as this long, and keep the bins few."""

_mapping: Any = LogarithmicMapping(RELATIVE_ACCURACY)
_messages: Any = ddsketch_pb2

MIN_MS = 1e-6
"""A nanosecond. Anything shorter counts as zero."""

BOUNDS = struct.Struct("<2sd2sd")
"""Shortest and longest duration in ms, before a sketch's message: its fields 100 and 101, which readers of DDSketch's own pass over."""

BOUNDS_TAGS = (b"\xa1\x06", b"\xa9\x06")
"""Of these two fields, both doubles. A message without them begins with another byte."""

COUNTS_TAG = 0x12
"""First byte of a store whose first field is the packed `contiguousBinCounts` (field 2 of ddsketch.proto's Store)."""


@cache
def _middle(key: int) -> float:
    """The duration that stands for a bin; there are some 2,100 bins between MIN_MS and MAX_MS."""
    return float(_mapping.value(key))


def _edges(offset: int, bins: int) -> tuple[float, float]:
    """Between which durations so many bins from `offset` lie: a bin's middle is within α of both of its ends."""
    return _middle(offset) / (1 + RELATIVE_ACCURACY), _middle(offset + bins - 1) / (1 - RELATIVE_ACCURACY)


@cache
def _middles() -> tuple[int, NDArray[np.float64]]:
    """The lowest bin that there can be, and the durations that stand for it and all above."""
    first, last = (int(_mapping.key(duration_ms)) for duration_ms in (MIN_MS, MAX_MS))
    return first, np.array([_middle(key) for key in range(first, last + 1)])


def _counts(store: Any) -> NDArray[np.float64]:
    """The counts of a store's bins. Read out of its bytes: one by one, protobuf takes 0.1 µs a bin."""
    data: bytes = store.SerializeToString()
    size, start, shift = 0, 1, 0
    while data[start] & 0x80:
        size |= (data[start] & 0x7F) << shift
        start, shift = start + 1, shift + 7
    size |= data[start] << shift
    if data[0] != COUNTS_TAG or size != 8 * len(store.contiguousBinCounts):
        return np.array(store.contiguousBinCounts, dtype=np.float64)
    return np.frombuffer(data, "<f8", size // 8, start + 1)


def _bounds(data: bytes, message: Any) -> tuple[float, float]:
    """The bounds that a sketch was written with; of one that was written without, the ends of its bins."""
    if data.startswith(BOUNDS_TAGS[0]):
        _, shortest_ms, _, longest_ms = BOUNDS.unpack_from(data)
        return shortest_ms, longest_ms
    store, zeros = message.positiveValues, bool(message.zeroCount)
    if not store.contiguousBinCounts:
        return (0.0 if zeros else math.inf), 0.0
    low, high = _edges(store.contiguousBinIndexOffset, len(store.contiguousBinCounts))
    return (0.0 if zeros else low), high


def _counted(duration_ms: float) -> float:
    """A duration as it is counted."""
    return 0.0 if duration_ms < MIN_MS else min(duration_ms, MAX_MS)


class Sketch:
    """How many durations fell into which bin. Mutable; `merge`, `add` and `subtract` change it in place."""

    __slots__ = ("bins", "longest_ms", "offset", "shortest_ms", "zeros")

    def __init__(self) -> None:
        self.zeros = 0
        self.offset = 0
        self.bins: NDArray[np.float64] = np.zeros(0)
        self.shortest_ms, self.longest_ms = math.inf, 0.0

    @property
    def count(self) -> int:
        """How many durations it has seen."""
        return self.zeros + int(self.bins.sum())

    def add(self, durations_ms: Iterable[float]) -> None:
        """Count durations, in milliseconds."""
        keys = []
        for duration_ms in map(_counted, durations_ms):
            self._widen(duration_ms, duration_ms)
            if not duration_ms:
                self.zeros += 1
            else:
                keys.append(_mapping.key(duration_ms))
        if keys:
            lowest = min(keys)
            self._add_bins(lowest, np.bincount(np.array(keys) - lowest).astype(np.float64))

    def subtract(self, durations_ms: Iterable[float]) -> None:
        """Take back durations, in milliseconds, that were counted. One that was not changes nothing: no count falls below 0."""
        lost = [_counted(duration_ms) for duration_ms in durations_ms]
        for duration_ms in lost:
            if not duration_ms:
                self.zeros = max(self.zeros - 1, 0)
                continue
            place = _mapping.key(duration_ms) - self.offset
            if 0 <= place < len(self.bins) and self.bins[place] > 0:
                self.bins[place] -= 1
        filled = np.flatnonzero(self.bins)
        first, end = (int(filled[0]), int(filled[-1]) + 1) if len(filled) else (0, 0)
        self.offset, self.bins = self.offset + first if len(filled) else 0, self.bins[first:end]
        if lost:
            self._loosen(min(lost), max(lost))

    def _widen(self, shortest_ms: float, longest_ms: float) -> None:
        """Move the bounds apart so that they enclose these."""
        self.shortest_ms, self.longest_ms = min(self.shortest_ms, shortest_ms), max(self.longest_ms, longest_ms)

    def _loosen(self, shortest_ms: float, longest_ms: float) -> None:
        """Give up a bound that was taken back: what is left is known to lie within its bins."""
        low, high = _edges(self.offset, len(self.bins)) if len(self.bins) else (math.inf, 0.0)
        if longest_ms >= self.longest_ms:
            self.longest_ms = high
        if shortest_ms <= self.shortest_ms:
            self.shortest_ms = 0.0 if self.zeros else low

    @classmethod
    def merged(cls, stored: Iterable[bytes]) -> "Sketch":
        """The sketch of all that the sketches `to_bytes` wrote have counted. Five times as fast as merging one by one."""
        sketch = cls()
        counts, offsets = [], []
        for data in stored:
            message = _messages.DDSketch.FromString(data)
            sketch.zeros += int(message.zeroCount)
            sketch._widen(*_bounds(data, message))
            if message.positiveValues.contiguousBinCounts:
                counts.append(_counts(message.positiveValues))
                offsets.append(message.positiveValues.contiguousBinIndexOffset)
        if counts:
            # The place of each count in its own sketch, moved to where that sketch lies among the others.
            lengths, firsts = np.array([len(part) for part in counts]), np.array(offsets, dtype=np.int64)
            sketch.offset = int(firsts.min())
            moves = firsts - sketch.offset - (np.cumsum(lengths) - lengths)
            places = np.arange(lengths.sum()) + np.repeat(moves, lengths)
            sketch.bins = np.bincount(places, weights=np.concatenate(counts)).astype(np.float64)
        return sketch

    def merge(self, other: "Sketch") -> None:
        """Count what `other` has counted."""
        self.zeros += other.zeros
        self._widen(other.shortest_ms, other.longest_ms)
        if len(other.bins):
            self._add_bins(other.offset, other.bins)

    def _add_bins(self, offset: int, bins: NDArray[np.float64]) -> None:
        if not len(self.bins):
            self.offset, self.bins = offset, bins.copy()
            return
        start = min(self.offset, offset)
        end = max(self.offset + len(self.bins), offset + len(bins))
        if (start, end) != (self.offset, self.offset + len(self.bins)):
            wider = np.zeros(end - start)
            wider[self.offset - start : self.offset - start + len(self.bins)] = self.bins
            self.offset, self.bins = start, wider
        self.bins[offset - start : offset - start + len(bins)] += bins

    def quantile(self, q: float) -> float:
        """The q-quantile in milliseconds, 0 ≤ q ≤ 1: the least duration that a share q of all do not exceed, within 1 %,
        and never beyond the shortest and the longest of them, which are told as they are where they are known. NaN if empty."""
        return self.quantiles((q,))[0]

    def quantiles(self, shares: Sequence[float]) -> list[float]:
        """Several of them, at the cost of one."""
        count = self.count
        if not count:
            return [math.nan] * len(shares)
        sums = np.cumsum(self.bins)
        # Nearest rank: of three durations, p95 is the longest. 0.95 * 20 is a hair above 19 in floating point.
        ranks = [max(math.ceil(q * count - 1e-9) - 1, 0) for q in shares]
        places = np.searchsorted(sums, [rank - self.zeros for rank in ranks], side="right").tolist()
        ends = self._known_ends(count)
        return [
            ends.get(rank, 0.0 if rank < self.zeros else self._within(_middle(self.offset + place)))
            for rank, place in zip(ranks, places, strict=True)
        ]

    def _known_ends(self, count: int) -> dict[int, float]:
        """The first and the last of the durations by their rank, as far as they are known: a bound at the end of a bin is none of them."""
        if not len(self.bins):
            return {}
        low, high = _edges(self.offset, len(self.bins))
        first = {0: self.shortest_ms} if not self.zeros and self.shortest_ms > low else {}
        return first | ({count - 1: self.longest_ms} if self.longest_ms < high else {})

    def _within(self, value_ms: float) -> float:
        """A value that is 1 % off at most, moved to the bound that it would lie beyond."""
        return min(max(value_ms, self.shortest_ms), self.longest_ms)

    def mean(self) -> float:
        """The mean in milliseconds, within 1 %. NaN if empty."""
        count = self.count
        if not count:
            return math.nan
        filled = np.flatnonzero(self.bins)
        first, middles = _middles()
        return self._within(float(np.dot(self.bins[filled], middles[filled + (self.offset - first)])) / count)

    def to_bytes(self) -> bytes:
        """Protocol buffer of the DDSketch project (ddsketch.proto), with the bounds before it where something was counted."""
        store = _messages.Store(contiguousBinCounts=self.bins.tolist(), contiguousBinIndexOffset=self.offset)
        index_mapping = _messages.IndexMapping(
            gamma=_mapping.gamma, indexOffset=0.0, interpolation=_messages.IndexMapping.NONE
        )
        message = _messages.DDSketch(mapping=index_mapping, positiveValues=store, zeroCount=self.zeros)
        data: bytes = message.SerializeToString()
        if not self.count:
            return data
        shortest_tag, longest_tag = BOUNDS_TAGS
        return BOUNDS.pack(shortest_tag, self.shortest_ms, longest_tag, self.longest_ms) + data

    @classmethod
    def from_bytes(cls, data: bytes) -> "Sketch":
        """The sketch that `to_bytes` wrote; an empty one from no bytes."""
        message = _messages.DDSketch.FromString(data)
        sketch = cls()
        sketch.zeros = int(message.zeroCount)
        sketch.offset = message.positiveValues.contiguousBinIndexOffset
        sketch.bins = np.array(message.positiveValues.contiguousBinCounts, dtype=np.float64)
        sketch.shortest_ms, sketch.longest_ms = _bounds(data, message)
        return sketch
