"""The double, driven by the official SDK and by plain HTTP."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import urllib3
from pinecone import Pinecone

from serving.rehearsal.loopback import LoopbackServer
from serving.rehearsal.pinecone import PineconeDouble
from serving.rehearsal.vector_space import meets
from tests.rehearsal.served import served

KEY = "a-key"
SCHEMA = {"fields": {"_values": {"type": "dense_vector", "dimension": 3, "metric": "cosine"}}}
DEPLOYMENT = {"deployment_type": "managed", "cloud": "aws", "region": "us-east-1"}
VECTORS = [
    {"id": "a", "values": [1.0, 0.0, 0.0], "metadata": {"title": "A", "year": 1900}},
    {"id": "b", "values": [1.0, 1.0, 0.0], "metadata": {"title": "B", "year": 1950}},
    {"id": "c", "values": [0.0, 0.0, 2.0], "metadata": {"title": "C"}},
]


@pytest.fixture
def double() -> Iterator[LoopbackServer]:
    service = PineconeDouble(KEY)
    with served(service) as server:
        service.url = server.url
        yield server


@pytest.fixture
def sdk(double: LoopbackServer) -> Iterator[Pinecone]:
    with Pinecone(api_key=KEY, host=double.url) as client:
        yield client


@pytest.fixture
def index(sdk: Pinecone) -> Iterator[Any]:
    sdk.indexes.create(name="tales", schema=SCHEMA, deployment=DEPLOYMENT)
    with sdk.index("tales") as index:
        index.upsert(vectors=VECTORS, namespace="n")
        yield index


@pytest.fixture
def post(double: LoopbackServer) -> Iterator[Any]:
    with urllib3.PoolManager(retries=False) as pool:

        def send(path: str, body: Any, key: str = KEY) -> tuple[int, Any]:
            reply = pool.request("POST", double.url + path, json=body, headers={"Api-Key": key})
            return reply.status, reply.json()

        yield send


def test_sdk_makes_describes_and_deletes_an_index(sdk: Pinecone) -> None:
    sdk.indexes.create(name="tales", schema=SCHEMA, deployment=DEPLOYMENT)
    assert sdk.indexes.describe("tales").host.endswith("/index/tales")
    assert [index.name for index in sdk.indexes.list()] == ["tales"]
    sdk.indexes.delete("tales")
    assert not sdk.indexes.exists("tales")


def test_sdk_query_ranks_by_cosine_and_brings_metadata(index: Any) -> None:
    matches = index.query(vector=[1.0, 0.0, 0.0], top_k=2, namespace="n", include_metadata=True).matches
    assert [(match.id, match.metadata["title"]) for match in matches] == [("a", "A"), ("b", "B")]
    # cos([1,0,0], [1,1,0]) = 1/sqrt(2)
    np.testing.assert_allclose([match.score for match in matches], [1.0, 2**-0.5], rtol=1e-6)


def test_sdk_counts_lists_fetches_and_deletes(index: Any) -> None:
    assert index.describe_index_stats().namespaces["n"].vector_count == 3
    listed = [item.id for page in index.list(namespace="n", limit=2) for item in page.vectors]
    assert listed == ["a", "b", "c"]
    assert index.fetch(ids=["b", "nowhere"], namespace="n").vectors["b"].metadata["year"] == 1950
    index.delete(ids=["a"], namespace="n")
    assert index.describe_index_stats().total_vector_count == 2


def test_plain_http_query_is_answered(index: Any, post: Any) -> None:
    status, answer = post("/index/tales/query", {"vector": [0, 0, 1], "topK": 1, "namespace": "n"})
    assert (status, [match["id"] for match in answer["matches"]]) == (200, ["c"])


def test_filters_leave_out_what_does_not_meet_them(index: Any) -> None:
    matches = index.query(vector=[1.0, 0.0, 0.0], top_k=3, namespace="n", filter={"year": {"$gte": 1950}}).matches
    assert [match.id for match in matches] == ["b"]


@pytest.mark.parametrize(
    ("condition", "held"),
    [
        ({"year": 1900}, True),
        ({"year": {"$lt": 1900}}, False),
        ({"year": {"$lte": 1900}}, True),
        ({"year": {"$gt": 1899}}, True),
        ({"tags": {"$in": ["x", "z"]}}, True),
        ({"tags": {"$nin": ["x"]}}, False),
        ({"title": {"$ne": "B"}}, True),
        ({"missing": {"$exists": False}}, True),
        ({"missing": {"$gt": 1}}, False),
        ({"$or": [{"year": 1}, {"title": "A"}]}, True),
        ({"$and": [{"year": 1900}, {"title": "B"}]}, False),
    ],
)
def test_filter_operators(condition: dict[str, Any], held: bool) -> None:
    assert meets({"title": "A", "year": 1900, "tags": ["x", "y"]}, condition) is held


@pytest.mark.parametrize(
    ("path", "body", "status", "complaint"),
    [
        ("/index/tales/query", {"vector": [1.0], "topK": 1}, 400, "dimension 1 does not match"),
        ("/index/tales/query", {"vector": [1, 0, 0], "topK": 10_001}, 400, "topK"),
        ("/index/tales/query", {"vector": [1, 0, 0], "topK": 1, "filter": {"a": {"$near": 1}}, "namespace": "n"}, 400, "$near"),
        ("/index/tales/vectors/upsert", {"vectors": [{"id": "x", "values": [1, 2]}]}, 400, "dimension 2 does not match"),
        ("/index/tales/vectors/upsert", {"vectors": VECTORS * 400}, 400, "1200 exceeds"),
        ("/index/nowhere/query", {}, 404, "nowhere not found"),
        ("/index/tales/explode", {}, 404, "explode not found"),
        ("/index/tales/vectors/delete", {"ids": ["a"], "namespace": "nowhere"}, 404, "Namespace"),
        ("/indexes", {"name": "tales", "schema": SCHEMA}, 409, "already exists"),
        ("/indexes", {"name": "Tales", "schema": SCHEMA}, 400, "Invalid index name"),
        ("/indexes", {"name": "more", "dimension": 0}, 400, "Invalid dimension 0"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("index")
def test_misuse_is_refused_as_pinecone_does(post: Any, path: str, body: Any, status: int, complaint: str) -> None:
    answered, answer = post(path, body)
    message = answer["error"]["message"] if path.startswith("/indexes") else answer["message"]
    assert answered == status
    assert complaint in message


def test_a_wrong_key_opens_nothing(post: Any) -> None:
    assert post("/indexes", {}, key="another")[0] == 401
    assert post("/index/tales/query", {}, key="another") == (
        401,
        {"code": 16, "message": "Invalid API Key", "details": []},
    )


def test_a_body_over_two_megabytes_is_refused(index: Any, post: Any) -> None:
    status, answer = post("/index/tales/vectors/upsert", {"vectors": [], "padding": "x" * 2_000_001})
    assert (status, "exceeds the limit" in answer["message"]) == (413, True)
