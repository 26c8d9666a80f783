"""A double of Pinecone's control and data planes, API version 2026-07: `python -m serving.rehearsal.pinecone`.

Speaks to the official SDK (10.2) and to plain HTTP. It checks the key, dimensions and limits as Pinecone does; it is exact and
at once consistent, as Pinecone is not.
"""

import argparse
import json
import os
import re
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np

from serving.rehearsal.lifeline import end_with_parent
from serving.rehearsal.loopback import Call, LoopbackServer, Reply, Service
from serving.rehearsal.vector_space import VectorSpace

MAX_VECTORS = 1000
"""In one upsert."""
MAX_BODY_BYTES = 2_000_000
MAX_METADATA_BYTES = 40_960
"""Of one vector."""
MAX_TOP_K = 10_000

STATUS_NAMES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
}
STATUS_NAMES |= {413: "INVALID_ARGUMENT", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE"}
GRPC_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 409: 6, 413: 3, 429: 8, 503: 14}
"""What the data plane puts in `code`; 13 stands for anything else."""


class Refused(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class PineconeDouble(Service):
    """Indexes by name, each with namespaces."""

    def __init__(self, api_key: str) -> None:
        super().__init__()
        self.url = ""
        """Where it listens; set once it does."""
        self._api_key = api_key
        self._lock = threading.RLock()
        self._indexes: dict[str, dict[str, Any]] = {}
        self._spaces: dict[str, dict[str, VectorSpace]] = {}

    def answer(self, call: Call) -> Reply:
        """Answer a call."""
        try:
            if call.headers.get("api-key") != self._api_key:
                raise Refused(401, "Invalid API Key")
            if len(call.body) > MAX_BODY_BYTES:
                raise Refused(413, f"Request size {len(call.body)} exceeds the limit of {MAX_BODY_BYTES} bytes")
            with self._lock:
                status, value = self._route(call, _parse(call.body))
            return Reply(status, b"") if value is None else Reply.of(status, value)
        except Refused as refusal:
            return _error(call, refusal.status, str(refusal))

    def failure(self, call: Call, status: int) -> Reply:
        """An error as Pinecone words it."""
        return _error(call, status, "Too many requests" if status == 429 else "Internal error")

    def of_wrong_dimension(self, call: Call, reply: Reply) -> Reply:
        """What an index of another dimension says."""
        return _error(call, 400, "Vector dimension 384 does not match the dimension of the index 1024")

    def _route(self, call: Call, body: Mapping[str, Any]) -> tuple[int, Any]:
        if call.path == "/indexes" or call.path.startswith("/indexes/"):
            return self._control(call.method, call.path.removeprefix("/indexes").removeprefix("/"), body)
        place = re.fullmatch(r"/index/([^/]+)(/.+)", call.path)
        operation = self._operations.get((call.method, place[2])) if place else None
        if place is None or operation is None:
            raise Refused(404, f"{call.method} {call.path} not found")
        if place[1] not in self._indexes:
            raise Refused(404, f"Index {place[1]} not found")
        return 200, operation(self, place[1], body, call.query)

    def _control(self, method: str, name: str, body: Mapping[str, Any]) -> tuple[int, Any]:
        if not name:
            if method == "POST":
                return 201, self._create(body)
            return 200, {"indexes": list(self._indexes.values())}
        index = self._indexes.get(name)
        if index is None:
            raise Refused(404, f"Resource {name} not found")
        if method == "DELETE":
            if index["deletion_protection"] == "enabled":
                raise Refused(403, "Deletion protection is enabled for this index. Disable it before deleting it.")
            del self._indexes[name], self._spaces[name]
            return 202, None
        if method == "PATCH":
            index.update({key: body[key] for key in ("deletion_protection", "tags") if key in body})
        return 200, index

    def _create(self, body: Mapping[str, Any]) -> dict[str, Any]:
        name = body.get("name", "")
        if not re.fullmatch(r"[a-z0-9](?:[a-z0-9-]{0,43}[a-z0-9])?", name):
            raise Refused(400, f"Invalid index name {name!r}: 1 to 45 lower-case letters, digits and hyphens")
        if name in self._indexes:
            raise Refused(409, "Resource already exists")
        dimension, metric = _vector_field(body)
        index = {
            "name": name,
            "dimension": dimension,
            "metric": metric,
            "host": f"{self.url}/index/{name}",
            "spec": body.get("spec", {"serverless": {"cloud": "aws", "region": "us-east-1"}}),
            "status": {"ready": True, "state": "Ready"},
            "vector_type": "dense",
            "deletion_protection": body.get("deletion_protection", "disabled"),
            "tags": body.get("tags") or {},
            "read_capacity": {"mode": "OnDemand", "status": {"state": "Ready"}},
        }
        index |= {key: body[key] for key in ("schema", "deployment") if key in body}
        self._indexes[name] = index
        self._spaces[name] = {}
        return index

    def _upsert(self, index: str, body: Mapping[str, Any], query: Mapping[str, list[str]]) -> Any:
        vectors = body.get("vectors") or []
        if len(vectors) > MAX_VECTORS:
            raise Refused(400, f"Upsert size {len(vectors)} exceeds the limit of {MAX_VECTORS} vectors")
        for vector in vectors:
            self._check_dimension(index, vector["values"], "Vector")
            size = len(json.dumps(vector.get("metadata") or {}).encode())
            if size > MAX_METADATA_BYTES:
                raise Refused(
                    400,
                    f"Metadata size is {size} bytes, which exceeds the limit of {MAX_METADATA_BYTES} bytes per vector",
                )
        space = self._spaces[index].setdefault(_namespace(body, query), VectorSpace())
        for vector in vectors:
            space.put(vector["id"], np.asarray(vector["values"], np.float32), vector.get("metadata") or {})
        return {"upsertedCount": len(vectors)}

    def _query(self, index: str, body: Mapping[str, Any], query: Mapping[str, list[str]]) -> Any:
        namespace, top_k = _namespace(body, query), body.get("topK", 0)
        if not 1 <= top_k <= MAX_TOP_K:
            raise Refused(400, f"topK must be between 1 and {MAX_TOP_K}, got {top_k}")
        space = self._spaces[index].get(namespace, VectorSpace())
        vector = body.get("vector")
        if vector is None and body.get("id") in space:
            vector = space.values(body["id"])
        if vector is None:
            raise Refused(400, "Either id of a stored vector or vector must be given")
        self._check_dimension(index, vector, "Query vector")
        try:
            pairs = space.nearest(
                np.asarray(vector, np.float32), top_k, self._indexes[index]["metric"], body.get("filter")
            )
        except ValueError as error:
            raise Refused(400, str(error)) from error
        matches = [_match(space, vector_id, score, body) for vector_id, score in pairs]
        return {"matches": matches, "namespace": namespace, "usage": {"readUnits": 1}}

    def _stats(self, index: str, body: Mapping[str, Any], query: Mapping[str, list[str]]) -> Any:
        spaces = self._spaces[index]
        return {
            "namespaces": {name: {"vectorCount": len(space)} for name, space in spaces.items()},
            "dimension": self._indexes[index]["dimension"],
            "indexFullness": 0.0,
            "totalVectorCount": sum(len(space) for space in spaces.values()),
            "metric": self._indexes[index]["metric"],
            "vectorType": "dense",
        }

    def _delete(self, index: str, body: Mapping[str, Any], query: Mapping[str, list[str]]) -> Any:
        namespace = _namespace(body, query)
        space = self._spaces[index].get(namespace)
        if space is None:
            raise Refused(404, "Namespace not found")
        if body.get("deleteAll"):
            del self._spaces[index][namespace]
        else:
            space.drop(space.matching(body["filter"]) if body.get("filter") else body.get("ids") or [])
        return {}

    def _list(self, index: str, body: Mapping[str, Any], query: Mapping[str, list[str]]) -> Any:
        namespace = _namespace(body, query)
        prefix, after = query.get("prefix", [""])[0], query.get("paginationToken", [""])[0]
        limit = int(query.get("limit", ["100"])[0])
        space = self._spaces[index].get(namespace, VectorSpace())
        ids = sorted(vector_id for vector_id in space.ids() if vector_id.startswith(prefix) and vector_id > after)
        page: dict[str, Any] = {"vectors": [{"id": vector_id} for vector_id in ids[:limit]], "namespace": namespace}
        page["usage"] = {"readUnits": 1}
        if len(ids) > limit:
            page["pagination"] = {"next": ids[limit - 1]}
        return page

    def _fetch(self, index: str, body: Mapping[str, Any], query: Mapping[str, list[str]]) -> Any:
        namespace = _namespace(body, query)
        space = self._spaces[index].get(namespace, VectorSpace())
        found = {
            vector_id: {
                "id": vector_id,
                "values": space.values(vector_id).tolist(),
                "metadata": space.metadata(vector_id),
            }
            for vector_id in query.get("ids", [])
            if vector_id in space
        }
        return {"vectors": found, "namespace": namespace, "usage": {"readUnits": 1}}

    def _check_dimension(self, index: str, values: Any, what: str) -> None:
        dimension = self._indexes[index]["dimension"]
        if len(values) != dimension:
            raise Refused(400, f"{what} dimension {len(values)} does not match the dimension of the index {dimension}")

    _operations: ClassVar[Mapping[tuple[str, str], Callable[..., Any]]] = {
        ("POST", "/vectors/upsert"): _upsert,
        ("POST", "/query"): _query,
        ("POST", "/describe_index_stats"): _stats,
        ("GET", "/describe_index_stats"): _stats,
        ("POST", "/vectors/delete"): _delete,
        ("GET", "/vectors/list"): _list,
        ("GET", "/vectors/fetch"): _fetch,
    }


def _parse(body: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(body) if body else {}
    except ValueError as error:
        raise Refused(400, "The request body is not JSON") from error
    if not isinstance(value, dict):
        raise Refused(400, "The request body is not a JSON object")
    return value


def _vector_field(body: Mapping[str, Any]) -> tuple[int, str]:
    """Dimension and metric, from a schema (2026-07) or from the older top-level fields."""
    fields = (body.get("schema") or {}).get("fields") or {}
    dense = next((field for field in fields.values() if field.get("type") == "dense_vector"), body)
    dimension = dense.get("dimension")
    if not isinstance(dimension, int) or not 1 <= dimension <= 20_000:
        raise Refused(400, f"Invalid dimension {dimension!r}: an integer from 1 to 20000")
    return dimension, dense.get("metric", "cosine")


def _namespace(body: Mapping[str, Any], query: Mapping[str, list[str]]) -> str:
    name = body.get("namespace") or query.get("namespace", [""])[0]
    return "" if name == "__default__" else str(name)


def _match(space: VectorSpace, vector_id: str, score: float, body: Mapping[str, Any]) -> dict[str, Any]:
    match: dict[str, Any] = {"id": vector_id, "score": score}
    if body.get("includeValues"):
        match["values"] = space.values(vector_id).tolist()
    if body.get("includeMetadata"):
        match["metadata"] = space.metadata(vector_id)
    return match


def _error(call: Call, status: int, message: str) -> Reply:
    """The control plane and the data plane word errors differently."""
    if call.path.startswith("/indexes"):
        return Reply.of(
            status, {"error": {"code": STATUS_NAMES.get(status, "UNKNOWN"), "message": message}, "status": status}
        )
    return Reply.of(status, {"code": GRPC_CODES.get(status, 13), "message": message, "details": []})


def main() -> None:
    """Serve until the parent ends; the first line printed is the address."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    port = parser.parse_args().port
    double = PineconeDouble(os.environ["PINECONE_API_KEY"])
    server = LoopbackServer(double, port)
    double.url = server.url
    end_with_parent()
    sys.stdout.write(f"{server.url}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
