"""An embedder that another server runs, asked by OpenAI's interface."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from backends.local.remote.address import Address
from backends.local.remote.client import RemoteModel
from backends.local.remote.faults import naming
from backends.local.remote.served import SETTING, STAGE, ServedEmbedder, to_rows
from backends.local.research.embedder import E5_NAME, E5_PREFIXES
from backends.local.vectors import FloatArray
from pipeline.deadline import Deadline
from pipeline.errors import ConfigError
from pipeline.types import Kind

BATCH = 64
"""Texts in one request: few enough for servers on one machine, whose limits are lower than OpenAI's 2,048."""


class RemoteEmbedder(ServedEmbedder):
    """Text to vectors by a model on another server. E5 models are given their prefixes; others get the text alone."""

    def __init__(self, address: Address, environ: Mapping[str, str] | None = None) -> None:
        """Embeds one word, to learn the vectors' length. environ: see `client.RemoteModel`.

        Raises ConfigError for an address of completions, a BackendError if the server cannot be asked.
        """
        if address.interface != "openai":
            raise ConfigError(f"{SETTING} is {address.name!r}; an embedder is openai:MODEL@URL.")
        self._model = RemoteModel(address, SETTING, environ)
        self.address = address
        super().__init__(
            address.name, self._batches, E5_PREFIXES if E5_NAME.search(address.model) else {"query": "", "passage": ""}
        )
        # A server does not say which weights stand behind a name: another server's may be others.
        told = "\n".join((address.url, address.model, str(self.dimension), *self.prefixes.values()))
        self.fingerprint = f"openai-{hashlib.sha256(told.encode()).hexdigest()[:16]}"

    def close(self) -> None:
        """Let go of the connections."""
        self._model.close()

    def _batches(self, texts: Sequence[str], kind: Kind, deadline: Deadline | None) -> FloatArray:
        found = [self._request(texts[start : start + BATCH], deadline) for start in range(0, len(texts), BATCH)]
        # Of other lengths than the first batch's they would not fit together.
        return np.concatenate(found) if len({rows.shape[1] for rows in found}) == 1 else found[-1]

    def _request(self, texts: Sequence[str], deadline: Deadline | None) -> FloatArray:
        # Servers refuse a text of nothing; a space is as little.
        given = {"model": self.address.model, "input": [text or " " for text in texts], "encoding_format": "float"}
        reply, seconds = self._model.send(STAGE, lambda client: client.embeddings.create, given, deadline)
        with naming(STAGE, self.address, SETTING, seconds):
            return _in_order(reply.to_dict(warnings=False)["data"], len(texts))
        raise AssertionError("naming lets nothing pass")


def _in_order(data: Sequence[Mapping[str, Any]], texts: int) -> FloatArray:
    """The vectors in the order of the texts. Raises ValueError if there is not one for each, all of one length."""
    by_text = {int(each["index"]): each["embedding"] for each in data}
    return to_rows([by_text[index] for index in range(texts)], texts)
