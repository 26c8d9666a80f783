"""An embedder behind a SageMaker endpoint, as the local index takes it."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from backends.registry import BackendConfig
from pipeline.deadline import Deadline
from pipeline.errors import BadResponse, InputError, Unavailable
from pipeline.types import Kind

PREFIX = "sagemaker:"
"""Before an endpoint's name, where an embedder is named."""

BATCH = 32
"""Texts a call: well under a minute's work for a CPU instance."""

NAME = re.compile(r"[A-Za-z0-9](-?[A-Za-z0-9]){0,62}")
"""An endpoint's name, as SageMaker has it."""


class EndpointEmbedder:
    """The embedder of `serving/endpoints/embedder`. Nothing is remembered here, so that a question's time is that of a call."""

    def __init__(self, remote: Any, name: str, fingerprint: str) -> None:
        """remote: as `backends.aws.sagemaker.SageMakerEmbedder`."""
        self._remote = remote
        self.name, self.fingerprint = name, fingerprint
        self.dimension = len(remote.embed(["dimension"], "passage")[0])

    def embed(self, texts: Sequence[str], kind: Kind, *, deadline: Deadline | None = None) -> Any:
        """Embed texts as float32 (n, dimension). Raises BackendError as the stage does, and BadResponse for another dimension."""
        rows: list[Any] = []
        for start in range(0, len(texts), BATCH):
            rows += self._remote.embed(texts[start : start + BATCH], kind, deadline=deadline)
        made = np.asarray(rows, np.float32) if rows else np.empty((0, self.dimension), np.float32)
        if made.shape[1] != self.dimension:
            raise BadResponse(f"{self.name} answered {made.shape[1]} numbers a text; it were {self.dimension} before.")
        return made

    def knows(self, question: str) -> bool:
        """Nothing is kept."""
        return False

    def remember(self, vectors: Mapping[str, Any]) -> None:
        """Nothing is kept."""


def open_endpoint(word: str, config: BackendConfig) -> EndpointEmbedder:
    """The endpoint named in `sagemaker:NAME`, with the credentials of the environment.

    Raises InputError for what is no name, Unavailable without credentials or region, and a BackendError where it does not answer.
    """
    import boto3

    from backends.aws.http import Http
    from backends.aws.sagemaker import SageMakerEmbedder
    from backends.aws.services import SageMakerRuntime

    name = word.removeprefix(PREFIX)
    if NAME.fullmatch(name) is None:
        raise InputError(f"{word!r} names no endpoint. Write {PREFIX} and the endpoint's name, as in the AWS console.")
    session = boto3.Session(region_name=config.aws_region or None)
    credentials, region = session.get_credentials(), session.region_name
    if credentials is None or not region:
        raise Unavailable(
            f"{word} needs AWS credentials and a region. Sign in (`aws configure`), and set RAGLASS_AWS_REGION."
        )
    runtime = SageMakerRuntime(config.environ, region, credentials, Http())
    found = runtime.invoke("embed", name, {"texts": ["dimension"], "kind": "passage"})
    # The model, not the endpoint, decides whether vectors are still good: another may have been deployed under the same name.
    return EndpointEmbedder(SageMakerEmbedder(runtime, name), word, f"{word}-{found.get('model', '')}")
