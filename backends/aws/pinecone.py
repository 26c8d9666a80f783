"""A Pinecone index as a pipeline stage, over its HTTP API: the SDK costs a Lambda a third of a second before the first question."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from backends.aws.calls import Policy, Retryable, call
from backends.aws.http import Http, Reply, host_of
from pipeline.deadline import Deadline
from pipeline.errors import BackendError, BadResponse, DimensionMismatch, StageFailed, Throttled, Unavailable
from pipeline.types import Chunk

API_VERSION = "2026-07"
CONTROLLER = "https://api.pinecone.io"
WHAT = "The Pinecone index"

FILL = "raglass ingest"
"""The command that fills the stack's index."""


class PineconeIndex:
    """Vectors to chunks. Each vector's metadata holds `text`, `title` and `document_id` (`serving/ingest.py` puts them there)."""

    def __init__(
        self,
        http: Http,
        host: str,
        api_key: str,
        namespace: str = "",
        headers: Mapping[str, str] | None = None,
        policy: Policy | None = None,
        fill: str = FILL,
    ) -> None:
        """host: of the index, with or without `https://`. headers: sent with every call, for tracing. fill: the command that fills it."""
        self.host = host if "://" in host else f"https://{host}"
        self._http, self._namespace, self._policy = http, namespace, policy
        self._headers = {**(headers or {}), **_headers(api_key)}
        self._fill = fill

    def search(
        self,
        vectors: Sequence[Sequence[float]],
        top_k: int,
        *,
        texts: Sequence[str] | None = None,
        deadline: Deadline | None = None,
    ) -> list[list[Chunk]]:
        """The `top_k` best chunks of each vector by cosine, best first; fewer where the index is smaller. `texts` is not used."""
        return [self._query(vector, top_k, deadline) for vector in vectors]

    def count(self, *, deadline: Deadline | None = None) -> int:
        """How many vectors the namespace holds."""
        found = self._post("/describe_index_stats", {}, deadline)
        spaces = found.get("namespaces") or {}
        return int(
            (spaces.get(self._namespace or "__default__") or spaces.get(self._namespace) or {}).get("vectorCount", 0)
        )

    def nearest(self, vector: Sequence[float], top_k: int, deadline: Deadline | None = None) -> list[tuple[str, float]]:
        """Ids and cosines of the `top_k` nearest vectors, best first, whatever their metadata hold."""
        try:
            return [
                (str(match["id"]), max(-1.0, min(1.0, float(match["score"]))))
                for match in self._matches(vector, top_k, deadline, metadata=False)
            ]
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise BadResponse(
                f"{WHAT} {host_of(self.host)} answered a match without id or score. Ask again.", stage="retrieve"
            ) from error

    def _query(self, vector: Sequence[float], top_k: int, deadline: Deadline | None) -> list[Chunk]:
        return [_chunk(match, rank) for rank, match in enumerate(self._matches(vector, top_k, deadline), 1)]

    def _matches(
        self, vector: Sequence[float], top_k: int, deadline: Deadline | None, *, metadata: bool = True
    ) -> list[Any]:
        found = self._post(
            "/query",
            {"vector": list(vector), "topK": top_k, "includeMetadata": metadata, "namespace": self._namespace},
            deadline,
        )
        matches = found.get("matches")
        if not isinstance(matches, list):
            raise BadResponse(
                f"{WHAT} {host_of(self.host)} answered no matches. Check PINECONE_HOST.", stage="retrieve"
            )
        return matches

    def _post(self, path: str, data: Mapping[str, Any], deadline: Deadline | None) -> dict[str, Any]:
        what, body = f"{WHAT} {host_of(self.host)}", json.dumps(data).encode()

        def attempt(timeout_s: float) -> Reply:
            reply = self._http.send(
                "retrieve", what, "POST", self.host + path, headers=self._headers, body=body, timeout_s=timeout_s
            )
            if reply.status >= 300:
                raise _explained(what, reply, self._fill)
            return reply

        return call("retrieve", attempt, deadline, policy=self._policy).json("retrieve", what)


def find_host(
    http: Http, controller: str, index: str, api_key: str, *, deadline: Deadline | None = None, fill: str = FILL
) -> str:
    """The host of an index, by its name. fill: the command that fills it. Raises Unavailable if there is none."""
    what = f"The Pinecone index {index!r}"

    def attempt(timeout_s: float) -> Reply:
        url = f"{controller.rstrip('/')}/indexes/{index}"
        reply = http.send("retrieve", what, "GET", url, headers=_headers(api_key), timeout_s=timeout_s)
        if reply.status >= 300:
            raise _explained(what, reply, fill)
        return reply

    found = call("retrieve", attempt, deadline).json("retrieve", what).get("host")
    if not isinstance(found, str) or not found:
        raise BadResponse(f"{what} has no host yet. Wait until it is ready.", stage="retrieve")
    return found


def _headers(api_key: str) -> dict[str, str]:
    return {"Api-Key": api_key, "X-Pinecone-Api-Version": API_VERSION, "Content-Type": "application/json"}


def _chunk(match: Any, rank: int) -> Chunk:
    try:
        known = match["metadata"]
        return Chunk(
            chunk_id=str(known.get("chunk_id", match["id"])),
            document_id=str(known["document_id"]),
            title=str(known["title"]),
            text=str(known["text"]),
            score=max(-1.0, min(1.0, float(match["score"]))),
            rank=rank,
            section=tuple(str(heading) for heading in known.get("section", ())),
            place=str(known.get("place", "")),
            source=str(known.get("source", "")),
        )
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise BadResponse(
            f"{WHAT} holds a vector without text, title or document_id. Fill it with `raglass ingest`.",
            stage="retrieve",
        ) from error


def _explained(what: str, reply: Reply, fill: str) -> Exception:
    """A reply that is an error, as one of ours: Retryable where another try may help."""
    if reply.status == 429:
        return Retryable(Throttled(f"{what} is throttled (HTTP 429). Ask again in a moment.", stage="retrieve"))
    if reply.status >= 500:
        return Retryable(StageFailed(f"{what} answered HTTP {reply.status}. Ask again in a moment.", stage="retrieve"))
    return _refused(what, reply, fill)


def _refused(what: str, reply: Reply, fill: str) -> BackendError:
    if reply.status in (401, 403):
        return Unavailable(f"{what} refused the key (HTTP {reply.status}). Check PINECONE_API_KEY.", stage="retrieve")
    if reply.status == 404:
        return Unavailable(f"{what} does not exist. Make and fill it with `{fill}`.", stage="retrieve")
    if b"dimension" in reply.body.lower():
        return DimensionMismatch(
            f"{what} is of another dimension than the embedder's vectors. Fill an index of this embedder with `{fill}`.",
            stage="retrieve",
        )
    return BadResponse(
        f"{what} refused the query (HTTP {reply.status}). Check PINECONE_HOST and the namespace.", stage="retrieve"
    )
