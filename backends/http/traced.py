"""From what an application told to a trace: shared by endpoints and functions, whose insides are not seen."""

from collections.abc import Mapping

from backends.http.reply import Facts
from pipeline.checks import check_deadline, check_top_k, clean_question
from pipeline.errors import InputError, StageFailed
from pipeline.recording import Recorder, new_span_id
from pipeline.types import Chunk, Setting, Span, StageEnded, StageStarted, Token, TokenMade


def check_question(backend: str, question: str, top_k: int, deadline_s: float, rerank: bool) -> str:
    """The question as it will be asked. Raises InputError for misuse."""
    question = clean_question(question)
    check_top_k(top_k)
    check_deadline(deadline_s)
    if rerank:
        raise InputError(f"The backend {backend} has no reranker. Switch reranking off and ask again.")
    return question


def tell(recorder: Recorder, facts: Facts, told: int, chunks: tuple[Chunk, ...]) -> None:
    """Tell the listener what is new of a reply. told: pieces that it has been told of. chunks: those that it knows."""
    if facts.chunks != chunks:
        recorder.found(list(facts.chunks))
    for piece in facts.pieces[told:]:
        recorder.emit(TokenMade(Token(piece, None)))


def check_error(what: str, facts: Facts, stage: str) -> None:
    """Raise StageFailed where the application told an error of its own. What it said stays data, among the span's attributes."""
    if facts.error is not None:
        raise StageFailed(
            f"{what} answered that it failed. Its words are among the span's attributes (`application_error`); its own log says more.",
            stage=stage,
        )


def attributes_of(facts: Facts) -> dict[str, str | int | float | bool]:
    """What a span keeps of a reply in brief."""
    found: dict[str, str | int | float | bool] = {"returned": len(facts.chunks)}
    if facts.left_out:
        found["chunks_left_out"] = facts.left_out
    if facts.model:
        found["model"] = facts.model
    if facts.error is not None:
        found["application_error"] = facts.error
    return found


def add_stages(recorder: Recorder, stages_ms: Mapping[str, float], start_ms: float, parent_id: str | None) -> None:
    """Stages that the application timed, one after the other from `start_ms`."""
    for stage, took_ms in stages_ms.items():
        recorder.emit(StageStarted(stage, start_ms))
        span = Span(stage, start_ms, took_ms, parent_id=parent_id, span_id=new_span_id())
        recorder.spans.append(span)
        recorder.emit(StageEnded(span))
        start_ms += took_ms


def settings_of(facts: Facts, top_k: int, deadline_s: float, **more: Setting) -> dict[str, Setting]:
    """What a trace records of how it was asked, and of what answered where that is told."""
    model: dict[str, Setting] = {"generator": facts.model} if facts.model else {}
    return {**more, **model, "top_k": top_k, "deadline_s": deadline_s, "rerank": False}
