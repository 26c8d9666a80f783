"""Puts the built-in corpus into a Pinecone index, out of its committed vectors."""

from pathlib import Path

import numpy as np
from pinecone import Pinecone

import corpus
from backends.local.build import cut_documents
from backends.local.documents import builtin_documents
from backends.local.texts import chunk_text
from backends.local.vectors import Seed, text_key
from pipeline.errors import Unavailable

BATCH = 200


def upsert_builtin(controller: str, api_key: str, index_name: str) -> int:
    """Upsert every chunk whose vector is committed; returns how many. The index must exist."""
    seed = Seed.load(Path(corpus.__file__).with_name("vectors.npz"))
    if seed is None:
        raise Unavailable("corpus/vectors.npz is missing or damaged: run `make seed`.")
    rows = cut_documents(builtin_documents(), lambda progress: None).rows
    vectors = []
    for row in rows:
        vector = seed.get(text_key(chunk_text(row.title, row.text)))
        if vector is not None:
            unit = vector.astype(np.float32)
            metadata = {"text": row.text, "title": row.title, "document_id": row.document_id}
            vectors.append({"id": row.chunk_id, "values": (unit / np.linalg.norm(unit)).tolist(), "metadata": metadata})
    with Pinecone(api_key=api_key, host=controller) as client, client.index(index_name) as index:
        for first in range(0, len(vectors), BATCH):
            index.upsert(vectors=vectors[first : first + BATCH])
    return len(vectors)
