"""`AwsBackend`: a deployed stack, asked through its API. Its traces have the stack's own spans inside the time that the network took."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from backends.aws.api import Api
from backends.aws.credentials import find_credentials
from backends.registry import BackendConfig
from pipeline import errors, wire
from pipeline.checks import MAX_TOP_K, check_deadline, check_top_k, clean_question
from pipeline.deadline import Deadline
from pipeline.errors import BackendError, BadResponse, ConfigError, InputError
from pipeline.protocols import OnEvent
from pipeline.recording import Recorder, new_span_id, new_trace_id
from pipeline.schema import SCHEMA_VERSION
from pipeline.types import (
    AnswerScores,
    Chunk,
    ChunksFound,
    Failure,
    PartReadiness,
    Readiness,
    Setting,
    Span,
    StageEnded,
    StageStarted,
    TokenMade,
    Trace,
)
from pipeline.wire import QueryResponse
from pipeline.wire_requests import MAX_SETS, QueryRequest, ScoreRequest, request_to_dict

NAME = "aws"
READY_S = 12.0
"""How long a look at every part may take."""

SCORE_S = 28.0


class AwsBackend:
    """A stack behind API Gateway; also a Scorer."""

    sets_at_once = MAX_SETS

    def __init__(self, api: Api, *, max_new_tokens: int | None = None) -> None:
        """max_new_tokens: longest answer, in the generator's tokens; None leaves it to the stack."""
        self.name = NAME
        self._api, self._max_new_tokens = api, max_new_tokens

    def answer(
        self,
        question: str,
        *,
        top_k: int,
        deadline_s: float,
        rerank: bool = False,
        on_event: OnEvent | None = None,
    ) -> Trace:
        """Answer a question; see `pipeline.protocols.Backend.answer`. Events inside the stack come when its reply does."""
        question = clean_question(question)
        check_top_k(top_k)
        check_deadline(deadline_s)
        if rerank:
            raise InputError("The backend aws has no reranker. Switch reranking off and ask again.")
        recorder, trace_id, asked_at = Recorder(on_event), new_trace_id(), time.time()
        reply: QueryResponse | None = None
        failure: Failure | None = None
        try:
            with recorder.stage("network", Deadline(deadline_s)) as attributes:
                attributes["api"] = self._api.host
                reply = self._query(question, top_k, trace_id, Deadline(deadline_s))
                attributes["request_id"] = reply.request_id
        except BackendError as error:
            failure = error.to_failure()
        if reply is not None:
            if reply.error is not None and reply.error.kind == "InputError":
                raise InputError(reply.error.message)
            failure = _known(reply.error)
            self._tell(recorder, reply)
        found = None if reply is None else reply.trace
        given: dict[str, Setting] = {"api": self._api.host, "top_k": top_k, "deadline_s": deadline_s, "rerank": False}
        return Trace(
            trace_id=trace_id,
            question=question,
            backend=self.name,
            asked_at=asked_at,
            duration_ms=recorder.elapsed_ms(),
            chunks=() if found is None else found.chunks,
            generation=None if found is None else found.generation,
            spans=tuple(recorder.spans),
            settings={**({} if found is None else found.settings), **given},
            error=failure,
            retrieved=() if found is None else found.retrieved,
        )

    def score(self, question: str, chunk_sets: Sequence[Sequence[Chunk]], answer: str) -> npt.NDArray[np.float32]:
        """Log-probabilities of a forced answer, float32 (n_sets, n_tokens), nats, in one call. Raises as a stage does."""
        return np.array(self.score_answer(question, chunk_sets, answer).logprobs_nats, np.float32)

    def score_answer(self, question: str, chunk_sets: Sequence[Sequence[Chunk]], answer: str) -> AnswerScores:
        """The same with the texts of the tokens; see `pipeline.protocols.AnswerScorer`. One call, unless the sets hold too many chunks."""
        found = [self._score(question, sets, answer) for sets in _groups(chunk_sets)]
        return AnswerScores(found[0].tokens, tuple(row for each in found for row in each.logprobs_nats))

    def _score(self, question: str, chunk_sets: Sequence[Sequence[Chunk]], answer: str) -> AnswerScores:
        chunks = list({chunk.chunk_id: chunk for subset in chunk_sets for chunk in subset}.values())
        places = {chunk.chunk_id: place for place, chunk in enumerate(chunks)}
        sets = tuple(tuple(places[chunk.chunk_id] for chunk in subset) for subset in chunk_sets)
        request = ScoreRequest(clean_question(question), tuple(chunks), sets, answer, SCORE_S)
        headers = {"traceparent": wire.make_traceparent(new_trace_id())}
        reply = self._api.send("POST", "/score", request_to_dict(request), headers, Deadline(SCORE_S))
        found = wire.parse_score_response(reply.data)
        return AnswerScores(found.tokens, found.logprobs_nats)

    def check_ready(self) -> Readiness:
        """Ask the stack to look at its parts."""
        try:
            reply = self._api.send("GET", "/health", None, {}, Deadline(READY_S))
            parts = wire.parse_health_response(reply.data).parts
        except errors.RaglassError as error:
            return Readiness((PartReadiness("api", False, str(error)),))
        return Readiness((PartReadiness("api", True, self._api.host), *parts))

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def _query(self, question: str, top_k: int, trace_id: str, deadline: Deadline) -> QueryResponse:
        """The stack gets a little less time than there is, so that its reply to a time-out still arrives in time."""
        left_s = deadline.remaining_s()
        request = QueryRequest(question, top_k, left_s - min(1.0, left_s / 10), max_new_tokens=self._max_new_tokens)
        headers = {"traceparent": wire.make_traceparent(trace_id), wire.SCHEMA_HEADER: SCHEMA_VERSION}
        reply = self._api.send("POST", "/query", request_to_dict(request), headers, deadline)
        found = wire.parse_query_response(reply.data)
        if found.trace is None and found.error is None:
            raise BadResponse("The stack answered neither a trace nor an error. Its Lambda's log says more.")
        return found

    def _tell(self, recorder: Recorder, reply: QueryResponse) -> None:
        """Put the stack's spans inside the network's, and tell the listener what happened there, in order."""
        for span in _inner_spans(recorder.spans[0], reply):
            recorder.emit(StageStarted(span.stage, span.start_ms))
            if reply.trace is not None and span.stage == "generate":
                for token in () if reply.trace.generation is None else reply.trace.generation.tokens:
                    recorder.emit(TokenMade(token))
            recorder.spans.append(span)
            recorder.emit(StageEnded(span))
            if reply.trace is not None and span.stage == "retrieve":
                recorder.emit(ChunksFound(reply.trace.chunks))


def _groups(chunk_sets: Sequence[Sequence[Chunk]]) -> list[Sequence[Sequence[Chunk]]]:
    """Runs of sets, each of MAX_TOP_K different chunks at most, which is what one call takes; never none."""
    starts, held = [0], set[str]()
    for place, subset in enumerate(chunk_sets):
        ids = {chunk.chunk_id for chunk in subset}
        if held and len(held | ids) > MAX_TOP_K:
            starts.append(place)
            held = set()
        held |= ids
    return [chunk_sets[start:end] for start, end in zip(starts, [*starts[1:], len(chunk_sets)], strict=True)]


def _inner_spans(network: Span, reply: QueryResponse) -> list[Span]:
    """`gateway` in the middle of `network`, since the two clocks are not compared, and the stages where the gateway had them."""
    gateway_ms = min(max(reply.gateway_ms, 0.0), network.duration_ms)
    start_ms = network.start_ms + (network.duration_ms - gateway_ms) / 2
    gateway = Span(
        "gateway", start_ms, gateway_ms, {"request_id": reply.request_id}, None, network.span_id, new_span_id()
    )
    stages = () if reply.trace is None else reply.trace.spans
    return [
        gateway,
        *(
            replace(
                span,
                start_ms=start_ms + max(span.start_ms, 0.0),
                error=_known(span.error),
                parent_id=span.parent_id or gateway.span_id,
            )
            for span in stages
        ),
    ]


def _known(failure: Failure | None) -> Failure | None:
    """A failure from the stack; of a kind that this version does not know, it is kept as a BackendError."""
    if failure is None or isinstance(getattr(errors, failure.kind, None), type):
        return failure
    return replace(failure, kind="BackendError")


def open_aws(config: BackendConfig) -> AwsBackend:
    """The backend of the settings. Raises ConfigError where a setting is missing or wrong."""
    auth, region, credentials = config.api_auth, config.aws_region, None
    if auth not in ("none", "key", "iam"):
        raise ConfigError(f"RAGLASS_API_AUTH is {auth!r}; choose one of none, key, iam.")
    if auth == "iam":
        region, credentials = region or _region(config.environ), find_credentials(config.environ)
        if not region:
            raise ConfigError("No AWS region is known, and signing needs one. Set RAGLASS_AWS_REGION.")
    api = Api(config.api_url, auth=auth, key=config.api_key, region=region, credentials=credentials)  # type: ignore[arg-type]
    return AwsBackend(api, max_new_tokens=config.max_new_tokens)


def _region(environ: Mapping[str, str]) -> str:
    """The region of the environment, or of the AWS profile; empty if there is none."""
    import boto3

    return environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or boto3.Session().region_name or ""
