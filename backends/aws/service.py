"""What the orchestrator Lambda does with a request: read it, run the pipeline on remote stages, and say what became of it.

Owns the stack's side of the wire. Refuses to know API Gateway's events (`serving/lambdas`) or how a reply is framed (`backends.aws.reply`).
"""

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from backends.aws.bedrock import BedrockGenerator, BedrockRuntime
from backends.aws.converse import NO_SCORES
from backends.aws.emf import emf_lines
from backends.aws.http import Http, host_of
from backends.aws.logs import RequestLog, print_line
from backends.aws.pinecone import CONTROLLER, PineconeIndex, find_host
from backends.aws.reply import frame
from backends.aws.sagemaker import SageMakerEmbedder, SageMakerGenerator
from backends.aws.services import LambdaRuntime, SageMakerRuntime
from pipeline import wire
from pipeline.checks import clean_question
from pipeline.deadline import Deadline
from pipeline.errors import BackendError, ConfigError, InputError, RaglassError, Unavailable
from pipeline.measures import measures_of
from pipeline.pipeline import Pipeline
from pipeline.prompts import describe_prompt
from pipeline.recording import new_trace_id
from pipeline.types import Failure, GenerateOptions, PartReadiness, Readiness, Setting, Trace
from pipeline.wire_requests import (
    HealthRequest,
    QueryRequest,
    Request,
    RetrieveRequest,
    ScoreRequest,
    WireError,
    parse_request,
)

BACKEND = "aws"
DEADLINE_CAP_S = 28.0
"""API Gateway gives up after 30 seconds."""

RESERVE_S = 0.5
"""Kept back from the Lambda's own time, to reply."""

RESPOND_S = 2.0
"""Longest that the responder may take: its cold start, and more."""


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP call, as the orchestrator got it."""

    method: str
    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    request_id: str
    """Of the Lambda invocation."""
    remaining_s: float
    """Time that the Lambda has left."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What to reply."""

    status: int
    """HTTP status."""
    data: dict[str, Any]
    """The body."""
    log: RequestLog | None = None
    """Where more can be said of the request."""


@dataclass(frozen=True, slots=True)
class StackConfig:
    """Where the stack's parts are."""

    embedder: str
    generator: str
    """The endpoint's name; empty where `bedrock_model` answers."""
    responder: str
    region: str
    pinecone_key: str = field(repr=False)
    pinecone_host: str = ""
    pinecone_index: str = ""
    pinecone_controller: str = CONTROLLER
    namespace: str = ""
    cors_origin: str = ""
    """For a reply that the responder could not frame."""
    bedrock_model: str = ""
    """The model on Bedrock that answers in place of an endpoint."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str], read_secret: Callable[[str], str]) -> "StackConfig":
        """Read the Lambda's environment. read_secret: an ARN to its text. Raises ConfigError, naming what is missing."""
        model = environ.get("BEDROCK_MODEL", "")
        needed = ("EMBEDDER_ENDPOINT", *(() if model else ("GENERATOR_ENDPOINT",)), "RESPONDER_FUNCTION")
        missing = [name for name in needed if not environ.get(name)]
        if not environ.get("PINECONE_HOST") and not environ.get("PINECONE_INDEX"):
            missing.append("PINECONE_INDEX")
        if not environ.get("PINECONE_SECRET_ARN") and not environ.get("PINECONE_API_KEY"):
            missing.append("PINECONE_SECRET_ARN")
        if missing:
            raise ConfigError(f"The orchestrator lacks {', '.join(missing)}. Set it in the stack's template.")
        arn = environ.get("PINECONE_SECRET_ARN")
        return cls(
            embedder=environ["EMBEDDER_ENDPOINT"],
            generator=environ.get("GENERATOR_ENDPOINT", ""),
            responder=environ["RESPONDER_FUNCTION"],
            region=region_of(environ),
            pinecone_key=clean_key(read_secret(arn) if arn else environ.get("PINECONE_API_KEY", "")),
            pinecone_host=environ.get("PINECONE_HOST", ""),
            pinecone_index=environ.get("PINECONE_INDEX", ""),
            pinecone_controller=environ.get("PINECONE_CONTROLLER_HOST") or CONTROLLER,
            namespace=environ.get("PINECONE_NAMESPACE", ""),
            cors_origin=environ.get("CORS_ORIGIN", ""),
            bedrock_model=model,
        )


def region_of(environ: Mapping[str, str]) -> str:
    """The region that a Lambda runs in."""
    return environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or "us-east-1"


def clean_key(text: str) -> str:
    """A key as a header can hold it. Raises ConfigError, without showing it: http.client's own error would quote it into the log."""
    key = text.strip()
    if not key or not key.isascii() or not key.isprintable():
        raise ConfigError(
            "The Pinecone key is empty or holds a character that no key has. Store it again, as plain text."
        )
    return key


class Service:
    """The stack's operations. One lives as long as a Lambda's process, so that connections are kept."""

    def __init__(
        self,
        config: StackConfig,
        environ: Mapping[str, str],
        credentials: Any,
        *,
        http: Http | None = None,
        write: Callable[[str], None] = print_line,
    ) -> None:
        """environ: for `AWS_ENDPOINT_URL…`. credentials: of botocore. write: takes log and metric lines."""
        self.config, self._write = config, write
        self._http = http or Http()
        self._sagemaker = SageMakerRuntime(environ, config.region, credentials, self._http)
        self._bedrock = BedrockRuntime(environ, config.region, credentials, self._http)
        self._lambda = LambdaRuntime(environ, config.region, credentials, self._http)
        self._host = config.pinecone_host

    def handle(self, call: Call) -> Outcome:
        """Serve one call. Never raises for what a caller or a part did."""
        started = time.perf_counter()
        trace_id = wire.trace_id_of(call.headers.get("traceparent")) or new_trace_id()
        request_id = wire.request_id_of(call.headers.get("x-request-id")) or call.request_id or uuid.uuid4().hex
        log = RequestLog(request_id, trace_id, self._write)
        with log.current():
            outcome = replace(self._outcome(call, request_id, trace_id, log, started), log=log)
        log.say("replied", status=outcome.status, gateway_ms=round(_since_ms(started), 3), path=call.path[:80])
        return outcome

    def respond(self, outcome: Outcome, left_s: float) -> dict[str, Any]:
        """The reply, framed by the responder Lambda. Where that fails, it is framed here: better plain than lost.

        left_s: time that this Lambda has left.
        """
        log = outcome.log or RequestLog("", "", self._write)
        given = {"status": outcome.status, "data": outcome.data, "trace_id": log.trace_id}
        try:
            with log.current():
                return self._lambda.invoke(
                    self.config.responder, given, deadline=Deadline(min(RESPOND_S, left_s - RESERVE_S / 2))
                )
        except BackendError as error:
            log.say("responder failed", kind=type(error).__name__, status=outcome.status)
            return frame(outcome.status, outcome.data, cors_origin=self.config.cors_origin)

    def _outcome(self, call: Call, request_id: str, trace_id: str, log: RequestLog, started: float) -> Outcome:
        def failed(failure: Failure, status: int) -> Outcome:
            log.say("refused" if status < 500 else "failed", kind=failure.kind, stage=failure.stage, status=status)
            return Outcome(status, wire.query_response(request_id, _since_ms(started), None, failure))

        try:
            request = parse_request(call.method, call.path, call.headers.get("content-type", ""), call.body)
            return self._serve(request, call, request_id, trace_id, log, started)
        except WireError as error:
            return failed(Failure("InputError", str(error)), error.status)
        except InputError as error:
            return failed(Failure("InputError", str(error)), 400)
        except BackendError as error:
            failure = error.to_failure()
            return failed(failure, wire.status_of(failure))

    def _serve(
        self, request: Request, call: Call, request_id: str, trace_id: str, log: RequestLog, started: float
    ) -> Outcome:
        if isinstance(request, HealthRequest):
            return Outcome(200, wire.health_response(request_id, self._check_parts(trace_id, request_id, call)))
        deadline_s = min(request.deadline_s, DEADLINE_CAP_S, call.remaining_s - RESERVE_S)
        headers = self._headers(trace_id, request_id)
        if isinstance(request, ScoreRequest):
            generator = self._generator(headers)
            if isinstance(generator, BedrockGenerator):
                raise InputError(NO_SCORES)
            scores = generator.score(
                clean_question(request.question),
                request.chunks,
                request.sets,
                request.answer,
                deadline=Deadline(deadline_s),
            )
            log.say("scored", sets=len(request.sets), tokens=len(scores.tokens))
            return Outcome(
                200, wire.score_response(request_id, _since_ms(started), scores.tokens, scores.logprobs_nats)
            )
        trace = self._trace(request, headers, trace_id, deadline_s)
        gateway_ms = _since_ms(started)
        self._tell(trace, log, gateway_ms)
        return Outcome(wire.status_of(trace.error), _answered(request_id, gateway_ms, trace, call))

    def _trace(
        self, request: QueryRequest | RetrieveRequest, headers: Mapping[str, str], trace_id: str, deadline_s: float
    ) -> Trace:
        pipeline = Pipeline(
            SageMakerEmbedder(self._sagemaker, self.config.embedder, headers),
            _LateIndex(lambda deadline: self._index(headers, deadline), self._forget_host),
            self._generator(headers),
            options=_options(request),
        )
        told = pipeline.generator.prompt if isinstance(pipeline.generator, BedrockGenerator) else None
        settings: dict[str, Setting] = {
            **describe_prompt(told),
            "embedder": pipeline.embedder.name,
            "generator": pipeline.generator.name,
            "index": self.config.pinecone_index or host_of(f"//{self.config.pinecone_host}"),
            "namespace": self.config.namespace,
        }
        given: dict[str, Any] = {
            "backend": BACKEND,
            "top_k": request.top_k,
            "deadline_s": deadline_s,
            "trace_id": trace_id,
        }
        if isinstance(request, RetrieveRequest):
            return pipeline.retrieve(request.question, settings=settings, **given)
        return pipeline.answer(request.question, settings=settings, rerank=request.rerank, **given)

    def _tell(self, trace: Trace, log: RequestLog, gateway_ms: float) -> None:
        for line in emf_lines(measures_of(trace, total_stage="gateway")):
            self._write(line)
        times = {f"{span.stage}_ms": round(span.duration_ms, 3) for span in trace.spans}
        error = trace.error
        log.say(
            "answered" if error is None else "failed",
            **times,
            chunks=len(trace.chunks),
            gateway_ms=round(gateway_ms, 3),
            kind=None if error is None else error.kind,
            stage=None if error is None else error.stage,
        )

    def _generator(self, headers: Mapping[str, str]) -> SageMakerGenerator | BedrockGenerator:
        config = self.config
        if config.bedrock_model:
            return BedrockGenerator(self._bedrock, config.bedrock_model)
        return SageMakerGenerator(self._sagemaker, config.generator, headers)

    def _headers(self, trace_id: str, request_id: str) -> dict[str, str]:
        return {"traceparent": wire.make_traceparent(trace_id), "x-request-id": request_id}

    def _forget_host(self) -> None:
        """An index that was made anew has another host: the next question looks it up again."""
        self._host = self.config.pinecone_host

    def _index(self, headers: Mapping[str, str], deadline: Deadline | None) -> PineconeIndex:
        """The index; its host is looked up once a process."""
        config = self.config
        if not self._host:
            self._host = find_host(
                self._http, config.pinecone_controller, config.pinecone_index, config.pinecone_key, deadline=deadline
            )
        return PineconeIndex(self._http, self._host, config.pinecone_key, config.namespace, headers)

    def _check_parts(self, trace_id: str, request_id: str, call: Call) -> Readiness:
        """Ask each part for next to nothing, so that a missing endpoint, a wrong key and an empty index are seen."""
        headers, deadline = self._headers(trace_id, request_id), Deadline(min(10.0, call.remaining_s - RESERVE_S))
        parts: list[PartReadiness] = []

        @contextmanager
        def looking(name: str) -> Iterator[list[str]]:
            detail: list[str] = []
            try:
                yield detail
            except BackendError as error:
                parts.append(PartReadiness(name, False, str(error)))
            else:
                parts.append(PartReadiness(name, True, "; ".join(detail)))

        with looking("embedder") as detail:
            found = SageMakerEmbedder(self._sagemaker, self.config.embedder, headers)
            detail.append(f"{found.name}, {len(found.embed(['ready?'], 'query', deadline=deadline)[0])} dimensions")
        with looking("index") as detail:
            detail.append(f"Pinecone, {self._index(headers, deadline).count(deadline=deadline):,} vectors")
        with looking("generator") as detail:
            generator = self._generator(headers)
            generator.check(deadline=deadline)
            detail.append(generator.name)
        return Readiness(tuple(parts))


class _LateIndex:
    """An index whose host is looked up inside the retrieve stage, so that its time and its failure are that stage's."""

    def __init__(self, find: Callable[[Deadline | None], PineconeIndex], forget: Callable[[], None]) -> None:
        self._find, self._forget = find, forget

    def search(self, vectors: Any, top_k: int, *, texts: Any = None, deadline: Deadline | None = None) -> Any:
        """See `PineconeIndex.search`."""
        try:
            return self._find(deadline).search(vectors, top_k, texts=texts, deadline=deadline)
        except Unavailable:
            self._forget()
            raise


def _options(request: QueryRequest | RetrieveRequest) -> GenerateOptions | None:
    """How to generate, where the request says."""
    most = request.max_new_tokens if isinstance(request, QueryRequest) else None
    return None if most is None else GenerateOptions(most)


def _answered(request_id: str, gateway_ms: float, trace: Trace, call: Call) -> dict[str, Any]:
    """The reply with a trace, in the schema that the caller reads."""
    return wire.query_response(request_id, gateway_ms, trace, trace.error, reads=call.headers.get(wire.SCHEMA_HEADER))


def unserved(call: Call, error: RaglassError, cors_origin: str) -> dict[str, Any]:
    """The framed reply of a stack that could not be put together: a setting or a secret is missing."""
    request_id = wire.request_id_of(call.headers.get("x-request-id")) or call.request_id
    trace_id = wire.trace_id_of(call.headers.get("traceparent")) or ""
    failure = Failure(type(error).__name__, str(error), error.stage if isinstance(error, BackendError) else None)
    RequestLog(request_id, trace_id).say("failed", kind=failure.kind, status=wire.status_of(failure))
    data = wire.error_response(request_id, 0.0, failure)
    return frame(wire.status_of(failure), data, cors_origin=cors_origin)


def _since_ms(started: float) -> float:
    return (time.perf_counter() - started) * 1000
