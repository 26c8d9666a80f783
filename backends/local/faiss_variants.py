"""The kinds of FAISS index that can be measured and chosen: how each is named, built, searched harder, and searched exactly.

An index is named as `faiss.index_factory` reads it. Those with codes keep the vectors beside them (`RFlat`), by which the best are
compared again.
"""

import math
import re
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import faiss
import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]

Kind = Literal["exact", "ivf", "hnsw", "sq8", "pq", "rabitq", "ivf-rabitq"]
"""`exact` compares a question with every vector, the others with some, or with codes of them."""

PATTERNS: Mapping[Kind, str] = {
    "exact": r"Flat",
    "ivf": r"IVF(\d+),Flat",
    "hnsw": r"HNSW(\d+)",
    "sq8": r"SQ8,RFlat",
    "pq": r"PQ(\d+)x4fs,RFlat",
    "rabitq": r"RaBitQfs,RFlat",
    "ivf-rabitq": r"IVF(\d+),RaBitQfs,RFlat",
}
"""How indexes of each kind are named."""

EFFORT_NAMES: Mapping[Kind, str] = {
    "exact": "",
    "ivf": "nprobe",
    "hnsw": "efSearch",
    "sq8": "refinement ×",
    "pq": "refinement ×",
    "rabitq": "refinement ×",
    "ivf-rabitq": "nprobe",
}
"""What is turned to search harder: lists looked into, candidates that a walk keeps, codes compared again for each chunk asked for."""

CODED: frozenset[Kind] = frozenset({"sq8", "pq", "rabitq"})
"""Codes that are scanned; at effort 0 they alone decide, and the vectors need not be kept."""

REFINED: frozenset[Kind] = CODED | {"ivf-rabitq"}
"""Kinds whose best candidates are compared again with the vectors."""

LIST_REFINEMENT = 16
"""Codes that `ivf-rabitq` compares again for each chunk asked for; its effort is how many lists it looks into."""

EF_CONSTRUCTION = 200
"""How hard a graph looks for neighbours as it is built; docs/adr/0005."""

POINTS_PER_CENTRE = 39
"""Vectors for each centre below which FAISS warns that k-means learns little."""

PQ_CENTRES = 16
"""Centres of a 4-bit code."""

FEWEST_LISTS = 4
HNSW_DEGREES = (16, 32)
MOST_PROBED = 128
EF_SEARCHES = (16, 32, 64, 96, 128, 192, 256, 384, 512)
MOST_REFINED = 4_096
"""Candidates above which comparing them again costs what the codes save."""

ADD_BATCH = 2_000


@dataclass(frozen=True, slots=True)
class Variant:
    """An index, and how hard it is searched."""

    factory: str
    """As `faiss.index_factory` reads it: `HNSW32`."""
    efforts: tuple[int, ...] = (0,)
    """In rising order; (0,) of an exact one. 0 of codes: without comparing anything again."""

    @property
    def kind(self) -> Kind:
        """Its kind."""
        return kind_of(self.factory)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An index that cannot be had over these vectors."""

    name: str
    """Which."""
    reason: str
    """Why, as a sentence."""


def kind_of(factory: str) -> Kind:
    """The kind of an index that is named so. Raises ValueError for one that is none of these."""
    for kind, pattern in PATTERNS.items():
        if re.fullmatch(pattern, factory):
            return kind
    raise ValueError(f"{factory!r} is no index that can be built here.")


def named(factory: str, effort: int) -> str:
    """An index with its effort: "HNSW32, efSearch 64"."""
    kind = kind_of(factory)
    if kind == "exact":
        return "exact (Flat)"
    if kind in CODED and effort == 0:
        return f"{factory.removesuffix(',RFlat')}, no refinement"
    name = EFFORT_NAMES[kind]
    return f"{factory}, {name}{'' if name.endswith('×') else ' '}{effort}"


def is_usable(factory: str, effort: int) -> bool:
    """Whether it keeps the vectors, which exact search, the embedding map and scores of chunks that words found all need."""
    return not (kind_of(factory) in CODED and effort == 0)


def why_not(factory: str, count: int, dimension: int) -> str | None:
    """Why an index cannot be built over `count` vectors of length `dimension`; None if it can."""
    kind = kind_of(factory)
    parts = int((re.search(r"\d+", factory) or ["0"])[0]) if kind not in ("exact", "sq8", "rabitq") else 0
    centres = {"ivf": parts, "ivf-rabitq": parts, "pq": PQ_CENTRES}.get(kind, 0)
    if kind == "pq" and (parts == 0 or dimension % parts):
        return f"{factory} cuts a vector into {parts} parts, which {dimension} numbers cannot be cut into."
    if count < centres * POINTS_PER_CENTRE:
        return f"{factory} learns {centres:,} centres from at least {centres * POINTS_PER_CENTRE:,} vectors; there are {count:,}."
    return None


def plan_variants(count: int, dimension: int, depth: int) -> tuple[list[Variant], list[LeftOut]]:
    """What is worth measuring over `count` vectors of length `dimension`, and what cannot be, with the reason.

    depth: chunks that are asked for at once.
    """
    lists = _lists(count)
    probes = _doubled(1, min(MOST_PROBED, lists // 2))
    factors = (0, *_doubled(1, max(1, min(MOST_REFINED, count) // depth)))
    wanted = [
        Variant("Flat"),
        Variant(f"IVF{lists},Flat", probes),
        Variant("SQ8,RFlat", tuple(factor for factor in factors if factor <= 4)),
        *(Variant(f"PQ{parts}x4fs,RFlat", factors) for parts in dict.fromkeys((dimension // 4, dimension // 2))),
        Variant("RaBitQfs,RFlat", factors),
        Variant(f"IVF{lists},RaBitQfs,RFlat", probes),
        # Graphs take longest to build.
        *(Variant(f"HNSW{degree}", _graph_efforts(count, depth)) for degree in HNSW_DEGREES),
    ]
    refused = {each.factory: why_not(each.factory, count, dimension) for each in wanted}
    left = [LeftOut(name, reason) for name, reason in refused.items() if reason is not None]
    return [each for each in wanted if refused[each.factory] is None], left


def building(factory: str, vectors: FloatArray) -> Generator[int, None, Any]:
    """Build an index of vectors, float32 (n, dim), L2-normalised; yields how many are in, and returns it.

    Raises RuntimeError where FAISS refuses.
    """
    kind = kind_of(factory)
    index: Any = faiss.index_factory(vectors.shape[1], factory, faiss.METRIC_INNER_PRODUCT)
    if kind == "hnsw":
        index.hnsw.efConstruction = EF_CONSTRUCTION
    if not index.is_trained:
        yield 0
        index.train(vectors)
    # A graph takes its time, and can be stopped between batches; the others are filled in seconds.
    batch = ADD_BATCH if kind == "hnsw" else len(vectors)
    for start in range(0, len(vectors), batch):
        index.add(vectors[start : start + batch])
        yield int(index.ntotal)
    if kind == "ivf":
        index.make_direct_map()
    return index


def set_effort(index: Any, kind: str, effort: int) -> None:
    """How much of an approximate index a search looks at."""
    if kind == "hnsw":
        index.hnsw.efSearch = effort
    elif kind == "ivf":
        index.nprobe = effort
    elif kind == "ivf-rabitq":
        index.k_factor = float(LIST_REFINEMENT)
        base: Any = faiss.downcast_index(index.base_index)
        base.nprobe = effort
    elif kind in CODED and effort:
        index.k_factor = float(effort)


def searched(index: Any, kind: Kind, effort: int) -> Any:
    """What is to be searched at an effort, which is set: the index, or its codes alone."""
    set_effort(index, kind, effort)
    return faiss.downcast_index(index.base_index) if kind in CODED and effort == 0 else index


def whole(index: Any, kind: str) -> Any:
    """What holds the vectors themselves: beside HNSW's graph, behind codes, in the lists."""
    if kind in REFINED:
        return index.refine_index
    return index.storage if kind == "hnsw" else index


def search_exactly(index: Any, kind: str, vectors: FloatArray, top_k: int) -> tuple[FloatArray, IntArray]:
    """Compare with every vector, whatever the kind; as `FaissIndex.search`."""
    parameters: Any = faiss.SearchParametersIVF
    everywhere = {"params": parameters(nprobe=index.nlist)} if kind == "ivf" else {}
    scores, ids = whole(index, kind).search(vectors, top_k, **everywhere)
    return scores, ids


def _lists(count: int) -> int:
    """Lists to sort `count` vectors into: about four times the root, as FAISS's guidelines have it, but none too small to be learnt."""
    lists = 2 ** round(math.log2(4 * math.sqrt(max(count, 1))))
    while lists > FEWEST_LISTS and lists * POINTS_PER_CENTRE > count:
        lists //= 2
    return int(lists)


def _graph_efforts(count: int, depth: int) -> tuple[int, ...]:
    """A walk keeps at least as many candidates as it is asked for, so that of the efforts below that one is enough."""
    fitting = [effort for effort in EF_SEARCHES if effort <= max(count, EF_SEARCHES[0])]
    below = [effort for effort in fitting if effort <= depth]
    return tuple(below[-1:] + [effort for effort in fitting if effort > depth])


def _doubled(first: int, last: int) -> tuple[int, ...]:
    return tuple(first * 2**power for power in range(max(1, int(math.log2(max(last, first) / first)) + 1)))
