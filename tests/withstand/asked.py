"""Parts that a question goes through: each in turn behind a gate, the others well, and the question's trace in a store."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar
from urllib.parse import urlsplit

from botocore.credentials import Credentials

from backends import registry
from backends.aws.api import Api
from backends.aws.backend import AwsBackend
from backends.aws.http import Http
from backends.aws.pinecone import PineconeIndex
from backends.aws.sagemaker import SageMakerEmbedder, SageMakerGenerator
from backends.aws.services import SageMakerRuntime
from backends.local.remote.address import Address, parse_address
from backends.local.remote.embedder import RemoteEmbedder
from backends.local.remote.generator import RemoteGenerator
from backends.local.rerank import SentenceReranker
from backends.registry import BackendConfig
from metrics.store import TraceStore
from pipeline.deadline import Deadline
from pipeline.pipeline import Pipeline
from pipeline.protocols import Backend, OnEvent
from pipeline.types import Kind, Readiness, Trace
from tests.remote.standin import MODEL, Plan, serving
from tests.withstand.gate import FAULTS, Fault, Gate, gated
from tests.withstand.parts import AFTERWARDS_S, GRACE_S, Asker, Outcome, Place, judge

KINDS: Mapping[Fault, tuple[str, ...]] = {
    "slow": ("Timeout",),
    "slow body": ("Timeout",),
    "hang": ("Timeout",),
    "refuse": ("Unavailable",),
    "reset": ("Unavailable",),
    "garbage": ("BadResponse",),
    "wrong shape": ("BadResponse",),
    "too large": ("BadResponse", "Timeout"),
    "late": ("Timeout",),
}
"""The kinds of error that each fault may be told as: of what has no end, that it is too long or the time up, whichever comes first."""

AT_ONCE_S = 2.0
"""Shortest deadline where the fault is told as soon as it is met, so that no busy machine makes a Timeout of it."""

SHAPES: Mapping[str, bytes] = {
    "embed": b'{"vectors": [["one", "two"]]}',
    "retrieve": b'{"matches": [{"id": 7, "metadata": "none"}]}',
    "rerank": b'{"vectors": 3}',
    "generate": b'{"generation": {"answer": 3}}',
    "gateway": b'{"schema_version": "1.0", "request_id": "r", "trace": [1]}',
    "network": b'{"said": {"text": "nested"}}',
    "served embed": b'{"object": "list", "data": [{"index": "first"}]}',
    "served generate": b'{"choices": "none"}',
}
"""JSON of another kind than each part answers. Served are models on a server of OpenAI's interface."""

STAGES: Mapping[str, str] = {
    "gateway": "network",
    "served embed": "embed",
    "served generate": "generate",
    "pgvector": "retrieve",
}
"""The stage of a part that is not called by it: what lies between here and a gateway is one way."""

ENDPOINT = """
[asked]
url = "URL/ask"
request = { query = "{question}" }
reply = { answer = "said" }
max_mb = 1
"""


class StagesBackend:
    """The stages of a stack in this process, each over HTTP."""

    name = "stages"

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def answer(
        self, question: str, *, top_k: int, deadline_s: float, rerank: bool = False, on_event: OnEvent | None = None
    ) -> Trace:
        """As `pipeline.protocols.Backend.answer`."""
        return self._pipeline.answer(
            question, backend=self.name, top_k=top_k, deadline_s=deadline_s, rerank=rerank, on_event=on_event
        )

    def check_ready(self) -> Readiness:
        """Nothing is looked at."""
        return Readiness(())

    def close(self) -> None:
        """Nothing is held."""


class Forgetful:
    """A served embedder as a stack takes one, which asks its server each time; the real one remembers questions."""

    def __init__(self, embedder: RemoteEmbedder) -> None:
        self._embedder, self.name = embedder, embedder.name

    def embed(self, texts: Sequence[str], kind: Kind, *, deadline: Deadline | None = None) -> list[list[float]]:
        """As `pipeline.protocols.Embedder.embed`."""
        vectors: list[list[float]] = self._embedder.embed(texts, "passage", deadline=deadline).tolist()
        return vectors


class AskedPart:
    """One part behind a gate."""

    cannot: ClassVar[Mapping[Fault, str]] = {}
    kinds: ClassVar[Mapping[Fault, tuple[str, ...]]] = KINDS

    def __init__(self, name: str, gate: Gate, asker: Asker) -> None:
        self.name, self._gate, self._asker = name, gate, asker

    def try_fault(self, fault: Fault) -> Outcome:
        """Ask while it is wrong, and again once it is well."""
        rerank = self.name == "rerank"
        deadline_s = (
            self._asker.deadline_s if "Timeout" in self.kinds[fault] else max(self._asker.deadline_s, AT_ONCE_S)
        )
        with self._going_wrong(fault):
            asked, took_s = self._asker.ask(rerank=rerank, deadline_s=deadline_s)
        error = asked.trace.error
        stage = STAGES.get(self.name, self.name)
        after, _ = self._asker.ask(rerank=rerank, deadline_s=AFTERWARDS_S)
        return judge(
            {
                "no typed error of the stage": error is None
                or error.kind not in self.kinds[fault]
                or error.stage != stage,
                "trace not stored": not self._asker.is_kept(asked),
                f"took {took_s:.1f} s": took_s > deadline_s + GRACE_S,
                "next question failed": after.trace.error is not None or not self._asker.is_kept(after),
            },
            "answered" if error is None else f"{error.kind} in {error.stage}, {took_s:.1f} s",
        )

    def _going_wrong(self, fault: Fault) -> AbstractContextManager[None]:
        return self._gate.breaking(fault)


def open_asked(place: Place, upstream: int) -> list[AskedPart]:
    """Every part that a question goes through."""
    store = place.undo.enter_context(TraceStore.open(f"sqlite:///{place.folder / 'asked.sqlite'}"))
    served = urlsplit(place.undo.enter_context(serving(Plan()))).port or 0
    gates = {
        name: place.undo.enter_context(
            gated(served if name.startswith("served") else upstream, late_s=place.late_s, shape=shape)
        )
        for name, shape in SHAPES.items()
    }
    (place.folder / "backends.toml").write_text(ENDPOINT.replace("URL", gates["network"].url), "utf-8")
    backends: dict[str, Backend] = dict.fromkeys(("embed", "retrieve", "rerank", "generate"), _stages(gates))
    backends["gateway"] = AwsBackend(Api(gates["gateway"].url))
    backends["network"] = registry.open_backend("http/asked", BackendConfig(place.folder))
    backends["served embed"] = backends["served generate"] = _served(gates, place)
    for backend in (backends["gateway"], backends["network"]):
        place.undo.callback(backend.close)
    askers = {name: Asker(backend, lambda: store, place.deadline_s, _tell_nobody) for name, backend in backends.items()}
    return [AskedPart(name, gates[name], asker) for name, asker in askers.items()]


def _tell_nobody(_: Trace) -> None:
    return


def _served(gates: Mapping[str, Gate], place: Place) -> StagesBackend:
    def address(name: str) -> Address:
        return parse_address(f"openai:{MODEL}@{gates[f'served {name}'].url}/v1", "RAGLASS_GENERATOR", {})

    embedder, generator = RemoteEmbedder(address("embed"), {}), RemoteGenerator(address("generate"), {})
    place.undo.callback(embedder.close)
    place.undo.callback(generator.close)
    return StagesBackend(Pipeline(Forgetful(embedder), PineconeIndex(Http(), gates["retrieve"].url, "key"), generator))


def _stages(gates: Mapping[str, Gate]) -> StagesBackend:
    def runtime(name: str) -> SageMakerRuntime:
        environ = {"AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": gates[name].url}
        credentials: Any = Credentials("AKIDEXAMPLE", "secret")
        return SageMakerRuntime(environ, "us-east-1", credentials, Http())

    return StagesBackend(
        Pipeline(
            SageMakerEmbedder(runtime("embed"), "rag-embedder"),
            PineconeIndex(Http(), gates["retrieve"].url, "key"),
            SageMakerGenerator(runtime("generate"), "rag-generator"),
            SentenceReranker(SageMakerEmbedder(runtime("rerank"), "rag-reranker")),
        )
    )


assert set(KINDS) == set(FAULTS)
