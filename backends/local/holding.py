"""What may hold the vectors of an index, FAISS, PostgreSQL or Pinecone, and the seam at which the rest of the local backend meets it.

Texts, words and sentences lie in the index folder whatever holds the vectors. docs/adr/0020 says why.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
import numpy.typing as npt

from pipeline.deadline import Deadline

if TYPE_CHECKING:
    from backends.local.index_choice import IndexChoice
    from backends.local.manifest import Manifest
    from backends.local.tuning import Tuning

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]
Vectors = npt.NDArray[np.float16] | npt.NDArray[np.float32]

Step = Literal["send", "index"]
"""Of a build: vectors sent to where they are held; vectors in what is searched."""

OnHeld = Callable[[Step, int], None]
"""Told how many vectors are through a step; what it raises stops the build."""


class VectorIndex(Protocol):
    """The vectors of one index, row by row, to be searched by cosine. Threads may share it."""

    tuning: "Tuning | None"
    """How it was tuned; None for an exact one."""
    place: str
    """Where the vectors are held, by which `open` finds them; empty for the index folder itself."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""

    @property
    def size(self) -> int:
        """Vectors held."""

    @property
    def kind(self) -> str:
        """`exact`, or an approximate kind."""

    def search(
        self, vectors: FloatArray, top_k: int, *, exact: bool = False, deadline: Deadline | None = None
    ) -> tuple[FloatArray, IntArray]:
        """Rank vectors by inner product.

        vectors: float32 (n, dim), L2-normalised, so scores are cosine in [-1, 1]. exact: compare with every vector, whatever the kind.
        Returns (scores, ids), each (n, top_k), best first; id -1 pads where fewer are found.
        Raises DimensionMismatch if dim differs from the index, BackendError where what holds the vectors cannot be asked.
        """

    def reconstruct(self, ids: IntArray) -> FloatArray:
        """The vectors at given ids: float32 (len(ids), dim)."""

    def is_whole(self) -> bool:
        """Whether what holds the vectors has them as they were built. Raises BackendError where it cannot be asked."""


class Holder(Protocol):
    """Something that holds vectors."""

    name: str
    """One of `manifest.HOLDERS`."""
    follows_choices: bool
    """Whether it can build the kind of index that a person chose in the Lab."""

    def build(
        self, folder: Path, vectors: Vectors, keys: Sequence[str], *, choice: "IndexChoice | None", on_held: OnHeld
    ) -> VectorIndex:
        """Index vectors, (n, dim), L2-normalised, for the index that is being made in `folder`, which gets what opening needs.

        keys: an id of each vector, the same whenever the vector is. choice: what a person chose, if `follows_choices`.
        Nothing that is in use is changed: an index is in use once its folder is published. Raises RaglassError.
        """

    def open(self, folder: Path, manifest: "Manifest") -> VectorIndex:
        """The vectors of a published folder. Asks nothing that is elsewhere. Raises OSError or ValueError for a folder that is damaged."""

    def sweep(self, root: Path, current: Path) -> None:
        """Let go of what indexes under `root` held before `current`, which is published. Under the build's lock. Raises RaglassError."""

    def clear(self, root: Path) -> None:
        """Let go of all that indexes under `root` hold: there is nothing left to search. Raises RaglassError."""

    def close(self) -> None:
        """Let go of connections; the next question opens them again."""
