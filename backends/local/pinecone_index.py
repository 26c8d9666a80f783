"""`PineconeHolder`: a Pinecone index as what holds the vectors of an index. Vectors go there, and their ids; no text does.

All builds of an index root share one namespace. A build adds what is not there yet, is published, and only then takes out what is no
longer wanted: a vector that the index in use does not know is passed by.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import numpy as np

from backends.aws.http import Http
from backends.aws.pinecone import CONTROLLER, PineconeIndex, find_host
from backends.aws.pinecone_space import BATCH_VECTORS, Item, PineconeSpace, await_count, open_space, send_all, take_out
from backends.local.holding import FloatArray, IntArray, OnHeld, VectorIndex, Vectors
from backends.local.index_choice import IndexChoice
from backends.local.kept_vectors import KeptVectors, SearchedElsewhere, padded
from backends.local.manifest import Manifest, read_manifest
from backends.local.ownership import owner_of
from backends.local.tuning import RECALL_K, Tuning, draw_sample, least_effort
from backends.local.vectors import check_dimension
from pipeline.deadline import Deadline
from pipeline.errors import ConfigError, Unavailable

KEYS = "keys.txt"
"""In an index folder: the id of each vector, a line each."""

DIMENSION = "dimension"
"""In an index root: the length of the vectors, by which the cloud index is found again when nothing is left to search."""

AT_ONCE = 8
"""Questions that are asked at the same time."""

EXTRA = 10
"""Vectors asked for beyond those wanted: some may be of a build before, and passed by."""

MEASURED = 50
"""Questions of the sample that recall is measured on: each is paid for, and there is nothing to tune by more."""

MOST = 10_000
"""Vectors that Pinecone finds at most."""


class PineconeAccount:
    """How to reach one index."""

    def __init__(self, index: str, environ: Mapping[str, str]) -> None:
        """index: its name; empty for one that is named by the dimension. Raises ConfigError without PINECONE_API_KEY."""
        if not environ.get("PINECONE_API_KEY"):
            raise ConfigError(
                "RAGLASS_INDEX=pinecone needs PINECONE_API_KEY. Put the key into the environment, not on the command line."
            )
        self.environ, self.http = environ, Http()
        self._index = index
        self._hosts: dict[str, str] = {}

    def name_for(self, dimension: int) -> str:
        """The index for vectors of a length."""
        return self._index or f"raglass-local-{dimension}"

    def reach(self, name: str, namespace: str, deadline: Deadline | None) -> PineconeIndex:
        """An index, whose host is looked up once. Raises BackendError."""
        key = self.environ["PINECONE_API_KEY"]
        if name not in self._hosts:
            controller = self.environ.get("PINECONE_CONTROLLER_HOST") or CONTROLLER
            self._hosts[name] = find_host(
                self.http, controller, name, key, deadline=deadline, fill="raglass index --rebuild"
            )
        return PineconeIndex(self.http, self._hosts[name], key, namespace, fill="raglass index --rebuild")

    def forget(self, name: str) -> None:
        """Look the host up again: an index that was made anew has another one."""
        self._hosts.pop(name, None)


class CloudIndex(SearchedElsewhere):
    """A `VectorIndex`. What is not searched for is read from `vectors.npy` of the index folder."""

    def __init__(
        self, account: PineconeAccount, place: str, kept: KeptVectors, keys: Sequence[str], tuning: Tuning | None
    ) -> None:
        super().__init__(kept, place, tuning)
        self._account = account
        self._name, _, self._namespace = place.partition("/")
        self._rows = {key: row for row, key in enumerate(keys)}

    @property
    def kind(self) -> str:
        """`managed`: how Pinecone searches is its own affair."""
        return "managed"

    def search(
        self, vectors: FloatArray, top_k: int, *, exact: bool = False, deadline: Deadline | None = None
    ) -> tuple[FloatArray, IntArray]:
        """As `VectorIndex.search`; exact search is done here."""
        check_dimension(vectors, self.dimension)
        if exact:
            return self._kept.search(vectors, top_k)
        scores, ids = padded(len(vectors), top_k)
        for place, known in enumerate(self._find(vectors, min(top_k, self.size), deadline)):
            scores[place, : len(known)] = [score for score, _ in known]
            ids[place, : len(known)] = [row for _, row in known]
        return scores, ids

    def _find(self, vectors: FloatArray, wanted: int, deadline: Deadline | None) -> list[list[tuple[float, int]]]:
        """(score, row) of the vectors of this index; more is asked for where too many are of another build."""
        count = wanted + EXTRA
        while True:
            found = self._ask(vectors, min(count, MOST), deadline)
            known = [[(score, self._rows[key]) for key, score in each if key in self._rows][:wanted] for each in found]
            is_enough = all(len(ours) == wanted or len(each) < count for ours, each in zip(known, found, strict=True))
            if is_enough or count >= MOST:
                return known
            count *= 4

    def is_whole(self) -> bool:
        """As `VectorIndex.is_whole`: by the count, which Pinecone brings up to date after a while."""
        return self._account.reach(self._name, self._namespace, None).count() >= self.size

    def _ask(self, vectors: FloatArray, count: int, deadline: Deadline | None) -> list[list[tuple[str, float]]]:
        if not len(vectors):
            return []
        try:
            index = self._account.reach(self._name, self._namespace, deadline)
            ask = partial(index.nearest, top_k=count, deadline=deadline)
            if len(vectors) == 1:
                return [ask(vectors[0].tolist())]
            with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="pinecone") as pool:
                return list(pool.map(ask, vectors.tolist()))
        except Unavailable:
            self._account.forget(self._name)
            raise


class PineconeHolder:
    """A `Holder`."""

    name = "pinecone"
    follows_choices = False

    def __init__(self, index: str, environ: Mapping[str, str]) -> None:
        """As `PineconeAccount`."""
        self.account = PineconeAccount(index, environ)
        self._unwanted: dict[Path, list[str]] = {}
        """Ids that the last build under a root found there and does not want."""

    def build(
        self, folder: Path, vectors: Vectors, keys: Sequence[str], *, choice: IndexChoice | None, on_held: OnHeld
    ) -> VectorIndex:
        """See `Holder.build`. The index is made if it is missing; vectors that it holds already are not sent again."""
        kept = KeptVectors.keep(folder, vectors)
        (folder / KEYS).write_text("\n".join(keys), "ascii")
        (folder.parent / DIMENSION).write_text(str(kept.dimension), "ascii")
        with self._space(folder.parent, kept.dimension) as space:
            present = set(space.ids())
            missing = [row for row, key in enumerate(keys) if key not in present]
            send_all(_batches(kept, keys, missing, on_held), space)
            on_held("send", len(keys))
            self._unwanted[folder.parent] = sorted(present - set(keys))
            await_count(space, len(present | set(keys)), lambda found: on_held("index", min(found, len(keys))))
        place = f"{self.account.name_for(kept.dimension)}/{namespace_of(folder.parent)}"
        index = CloudIndex(self.account, place, kept, keys, None)
        index.tuning = _measure(index, kept)
        return index

    def open(self, folder: Path, manifest: Manifest) -> VectorIndex:
        """See `Holder.open`."""
        keys = (folder / KEYS).read_text("ascii").split("\n")
        return CloudIndex(self.account, manifest.place, KeptVectors(folder), keys, manifest.tuning)

    def sweep(self, root: Path, current: Path) -> None:
        """See `Holder.sweep`: vectors that the index in use does not name are taken out."""
        gone = self._unwanted.pop(root, [])
        if gone:
            with self._space(root, read_manifest(current).dimension) as space:
                take_out(gone, space)

    def clear(self, root: Path) -> None:
        """See `Holder.clear`."""
        try:
            dimension = int((root / DIMENSION).read_text("ascii"))
        except FileNotFoundError:
            return
        with self._space(root, dimension) as space:
            take_out(list(space.ids()), space)

    def close(self) -> None:
        """See `Holder.close`: those to Pinecone are the process's, and time out by themselves."""

    def _space(self, root: Path, dimension: int) -> AbstractContextManager[PineconeSpace]:
        name = self.account.name_for(dimension)
        return open_space(name, namespace_of(root), dimension, environ=self.account.environ)


def namespace_of(root: Path) -> str:
    """The namespace of an index root's vectors."""
    return f"raglass-{owner_of(root)}"


def _batches(kept: KeptVectors, keys: Sequence[str], missing: Sequence[int], on_held: OnHeld) -> Iterator[list[Item]]:
    there = len(keys) - len(missing)
    for start in range(0, len(missing), BATCH_VECTORS):
        rows = missing[start : start + BATCH_VECTORS]
        on_held("send", there + start)
        vectors = kept.reconstruct(np.array(rows)).tolist()
        yield [{"id": keys[row], "values": vector, "metadata": {}} for row, vector in zip(rows, vectors, strict=True)]


def _measure(index: CloudIndex, kept: KeptVectors) -> Tuning:
    """What the service finds of a sample's exact neighbours."""
    questions, exact_ids = draw_sample(kept.rows(0, kept.size))
    asked = questions[:MEASURED]
    return least_effort(lambda effort: index.search(asked, RECALL_K)[1], "managed", (0,), exact_ids[:MEASURED])
