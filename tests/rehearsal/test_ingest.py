"""Ingestion through the official SDK into the Pinecone double."""

from collections.abc import Iterator

import numpy as np
import pytest

from backends.aws.pinecone_space import open_space
from pipeline.errors import InputError, Unavailable
from serving.ingest import ingest
from serving.rehearsal.loopback import LoopbackServer
from serving.rehearsal.pinecone import PineconeDouble
from tests.rehearsal.served import served
from tests.serving.test_ingest import make_rows

KEY = "a-secret-key"


@pytest.fixture
def double() -> Iterator[LoopbackServer]:
    service = PineconeDouble(KEY)
    with served(service) as server:
        service.url = server.url
        yield server


def environ(double: LoopbackServer, key: str = KEY) -> dict[str, str]:
    return {"PINECONE_API_KEY": key, "PINECONE_CONTROLLER_HOST": double.url}


def embed(texts: list[str]) -> np.ndarray:
    return np.array([[1.0, len(text), 0.5] for text in texts])


@pytest.mark.parametrize("namespace", ["", "corpus"])
def test_index_is_made_filled_refilled_and_emptied_of_what_left(double: LoopbackServer, namespace: str) -> None:
    with open_space("rag", namespace, 3, environ=environ(double)) as space:
        first = ingest(make_rows(150), embed, space, embedder="e")
        assert (first.upserted, first.total) == (150, 150)
    with open_space("rag", namespace, 3, environ=environ(double)) as space:
        again = ingest(make_rows(150), embed, space, embedder="e")
        assert (again.upserted, again.unchanged, again.total) == (0, 150, 150)
        fewer = ingest(make_rows(10), embed, space, embedder="e")
        assert (fewer.deleted, fewer.total) == (140, 10)


def test_index_of_another_dimension_is_refused_by_name(double: LoopbackServer) -> None:
    with open_space("rag", "", 3, environ=environ(double)):
        pass
    with pytest.raises(InputError, match="dimension 3"), open_space("rag", "", 4, environ=environ(double)):
        pass


def test_wrong_key_says_which_variable_and_is_not_quoted(double: LoopbackServer) -> None:
    refused = open_space("rag", "", 3, environ=environ(double, "hunter2"))
    with pytest.raises(Unavailable, match="PINECONE_API_KEY") as caught, refused:
        pass
    assert "hunter2" not in str(caught.value)
