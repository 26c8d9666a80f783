"""One namespace of a Pinecone index: vectors with metadata, searched exactly. Keeps nothing on disk."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
Metadata = Mapping[str, Any]


class VectorSpace:
    """Vectors by id. Callers hold a lock around every method."""

    def __init__(self) -> None:
        self._vectors: dict[str, FloatArray] = {}
        self._metadata: dict[str, Metadata] = {}
        self._matrix: FloatArray | None = None

    def __len__(self) -> int:
        return len(self._vectors)

    def __contains__(self, vector_id: object) -> bool:
        return vector_id in self._vectors

    def ids(self) -> Iterable[str]:
        """All ids, in the order in which they first came."""
        return self._vectors

    def put(self, vector_id: str, values: FloatArray, metadata: Metadata) -> None:
        """Add a vector, or overwrite the one with this id."""
        self._vectors[vector_id] = values
        self._metadata[vector_id] = metadata
        self._matrix = None

    def drop(self, vector_ids: Iterable[str]) -> None:
        """Remove vectors; ids that are not there are no error, as at Pinecone."""
        for vector_id in list(vector_ids):
            self._vectors.pop(vector_id, None)
            self._metadata.pop(vector_id, None)
        self._matrix = None

    def values(self, vector_id: str) -> FloatArray:
        """The vector of an id."""
        return self._vectors[vector_id]

    def metadata(self, vector_id: str) -> Metadata:
        """What was stored beside a vector."""
        return self._metadata[vector_id]

    def matching(self, condition: Mapping[str, Any] | None) -> list[str]:
        """Ids whose metadata meet a filter."""
        return [vector_id for vector_id in self._vectors if meets(self._metadata[vector_id], condition or {})]

    def nearest(
        self, query: FloatArray, top_k: int, metric: str, condition: Mapping[str, Any] | None
    ) -> list[tuple[str, float]]:
        """Ids and scores, best first. Scores of `euclidean` are squared distances, so there the least is best."""
        if self._matrix is None and self._vectors:
            self._matrix = np.stack(list(self._vectors.values()))
        if self._matrix is None:
            return []
        scores = _scores(self._matrix, query, metric)
        order = np.argsort(scores if metric == "euclidean" else -scores, kind="stable")
        ids = list(self._vectors)
        kept = set(self.matching(condition)) if condition else None
        ranked = ((ids[row], float(scores[row])) for row in order)
        return [pair for pair in ranked if kept is None or pair[0] in kept][:top_k]


def _scores(matrix: FloatArray, query: FloatArray, metric: str) -> FloatArray:
    if metric == "euclidean":
        return np.asarray(((matrix - query) ** 2).sum(axis=1), np.float32)
    products = matrix @ query
    if metric == "dotproduct":
        return products
    lengths = np.linalg.norm(matrix, axis=1) * np.linalg.norm(query)
    return np.asarray(products / np.maximum(lengths, 1e-12), np.float32)


def meets(metadata: Metadata, condition: Mapping[str, Any]) -> bool:
    """Whether metadata meet one of Pinecone's filters. Raises ValueError naming an operator that it does not have."""
    for name, wanted in condition.items():
        if name == "$and":
            held = all(meets(metadata, part) for part in wanted)
        elif name == "$or":
            held = any(meets(metadata, part) for part in wanted)
        else:
            tests = wanted if isinstance(wanted, Mapping) else {"$eq": wanted}
            held = all(_holds(operator, metadata, name, operand) for operator, operand in tests.items())
        if not held:
            return False
    return True


def _holds(operator: str, metadata: Metadata, name: str, operand: Any) -> bool:
    value = metadata.get(name)
    values: list[Any] = value if isinstance(value, list) else [value]
    match operator:
        case "$exists":
            return bool((name in metadata) == operand)
        case "$eq":
            return operand in values
        case "$ne":
            return operand not in values
        case "$in":
            return any(bool(choice in values) for choice in operand)
        case "$nin":
            return not any(choice in values for choice in operand)
        case "$gt" | "$gte" | "$lt" | "$lte":
            return value is not None and _compares(operator, value, operand)
        case _:
            raise ValueError(f"{operator} is not a filter operator")


def _compares(operator: str, value: Any, operand: Any) -> bool:
    if value == operand:
        return operator.endswith("e")
    return bool(value > operand) == operator.startswith("$gt")
