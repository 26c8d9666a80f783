"""Parts that a question goes through: each in turn behind a gate, the others well, and the question's trace in a store."""

from collections.abc import Mapping
from typing import Any, ClassVar

from botocore.credentials import Credentials

from backends import registry
from backends.aws.api import Api
from backends.aws.backend import AwsBackend
from backends.aws.http import Http
from backends.aws.pinecone import PineconeIndex
from backends.aws.sagemaker import SageMakerEmbedder, SageMakerGenerator
from backends.aws.services import SageMakerRuntime
from backends.local.rerank import SentenceReranker
from backends.registry import BackendConfig
from metrics.store import TraceStore
from pipeline.pipeline import Pipeline
from pipeline.protocols import Backend, OnEvent
from pipeline.types import Readiness, Trace
from tests.withstand.gate import FAULTS, Fault, Gate, gated
from tests.withstand.parts import GRACE_S, Asker, Outcome, Place, judge

KINDS: Mapping[Fault, tuple[str, ...]] = {
    "slow": ("Timeout",),
    "hang": ("Timeout",),
    "refuse": ("Unavailable",),
    "reset": ("Unavailable",),
    "garbage": ("BadResponse",),
    "wrong shape": ("BadResponse",),
    "too large": ("BadResponse",),
    "late": ("Timeout",),
}
"""The kinds of error that each fault may be told as."""

SHAPES: Mapping[str, bytes] = {
    "embed": b'{"vectors": [["one", "two"]]}',
    "retrieve": b'{"matches": [{"id": 7, "metadata": "none"}]}',
    "rerank": b'{"vectors": 3}',
    "generate": b'{"generation": {"answer": 3}}',
    "gateway": b'{"schema_version": "1.0", "request_id": "r", "trace": [1]}',
    "network": b'{"said": {"text": "nested"}}',
}
"""JSON of another kind than each part answers."""

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


class AskedPart:
    """One part behind a gate."""

    cannot: ClassVar[Mapping[Fault, str]] = {}

    def __init__(self, name: str, gate: Gate, asker: Asker) -> None:
        self.name, self._gate, self._asker = name, gate, asker

    def try_fault(self, fault: Fault) -> Outcome:
        """Ask while it is wrong, and again once it is well."""
        rerank = self.name == "rerank"
        with self._gate.breaking(fault):
            asked, took_s = self._asker.ask(rerank=rerank)
        error = asked.trace.error
        stage = "network" if self.name == "gateway" else self.name  # what lies between here and there is one way
        after, _ = self._asker.ask(rerank=rerank)
        return judge(
            {
                "no typed error of the stage": error is None or error.kind not in KINDS[fault] or error.stage != stage,
                "trace not stored": not self._asker.is_kept(asked),
                f"took {took_s:.1f} s": took_s > self._asker.deadline_s + GRACE_S,
                "next question failed": after.trace.error is not None or not self._asker.is_kept(after),
            },
            "answered" if error is None else f"{error.kind} in {error.stage}, {took_s:.1f} s",
        )


def open_asked(place: Place, upstream: int) -> list[AskedPart]:
    """Every part that a question goes through."""
    store = place.undo.enter_context(TraceStore.open(f"sqlite:///{place.folder / 'asked.sqlite'}"))
    gates = {
        name: place.undo.enter_context(gated(upstream, late_s=place.late_s, shape=shape))
        for name, shape in SHAPES.items()
    }
    (place.folder / "backends.toml").write_text(ENDPOINT.replace("URL", gates["network"].url), "utf-8")
    backends: dict[str, Backend] = dict.fromkeys(("embed", "retrieve", "rerank", "generate"), _stages(gates))
    backends["gateway"] = AwsBackend(Api(gates["gateway"].url))
    backends["network"] = registry.open_backend("http/asked", BackendConfig(place.folder))
    for backend in (backends["gateway"], backends["network"]):
        place.undo.callback(backend.close)
    askers = {name: Asker(backend, lambda: store, place.deadline_s, _tell_nobody) for name, backend in backends.items()}
    return [AskedPart(name, gates[name], asker) for name, asker in askers.items()]


def _tell_nobody(_: Trace) -> None:
    return


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
