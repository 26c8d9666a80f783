"""`FunctionBackend`: a Python function that answers questions, named `module:function`.

The function is called with (question, top_k), in a thread of its own, so that a question ends at its deadline whatever it does. It returns
a text, a dictionary, or yields texts and dictionaries as they come. It is imported only where the process was told its name when it was
started: a name in a trace, a run or an address opens nothing.
"""

import inspect
import logging
import queue
import re
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from backends.http.expressions import compile_expression
from backends.http.reply import Facts, Reading, read_reply
from backends.http.traced import add_stages, attributes_of, check_error, check_question, settings_of, tell
from backends.registry import BackendConfig
from pipeline.checks import UNSTORABLE
from pipeline.deadline import Deadline
from pipeline.errors import BackendError, BadResponse, ConfigError, StageFailed, Timeout, Unavailable
from pipeline.protocols import OnEvent
from pipeline.recording import Attributes, Recorder, new_span_id, new_trace_id
from pipeline.spans import KIND_OF_STAGE
from pipeline.types import Failure, PartReadiness, Readiness, StageStarted, Trace

log = logging.getLogger(__name__)

STAGE = "generate"
"""The stage that a function is, unless it says how long its own took."""

MAX_LEFT = 16
"""Calls past their deadlines that may still be running; a thread cannot be ended from outside."""

KEYS = (
    "answer",
    "chunks",
    "text",
    "id",
    "document",
    "title",
    "score",
    "source",
    "prompt_tokens",
    "completion_tokens",
    "model",
    "abstained",
    "error",
)  # fmt: skip
"""Keys of a dictionary that a function may return, those of a chunk among them; `stages_ms` beside them."""

READING = Reading(
    **{key: compile_expression(key, key) for key in KEYS},  # type: ignore[arg-type]
    stages_ms={stage: compile_expression(f"stages_ms.{stage}", stage) for stage in KIND_OF_STAGE},
)

Function = Callable[[str, int], Any]


class FunctionBackend:
    """One function. Thread-safe as far as the function is."""

    def __init__(self, name: str, function: Function) -> None:
        self.name = name
        self._function = function
        self._left: set[threading.Thread] = set()

    def answer(
        self,
        question: str,
        *,
        top_k: int,
        deadline_s: float,
        rerank: bool = False,
        on_event: OnEvent | None = None,
    ) -> Trace:
        """Answer a question; see `pipeline.protocols.Backend.answer`."""
        question = check_question(self.name, question, top_k, deadline_s, rerank)
        recorder, trace_id, span_id, facts = Recorder(on_event), new_trace_id(), new_span_id(), Facts()
        start_ms, failure = recorder.elapsed_ms(), None
        try:
            self._run(recorder, facts, question, top_k, (trace_id, span_id), Deadline(deadline_s))
        except BackendError as error:
            error.stage = error.stage or STAGE
            failure = error.to_failure()
            recorder.generation = facts.partial(failure.kind)
        self._add_spans(recorder, facts, start_ms, failure, span_id)
        return recorder.to_trace(question, self.name, settings_of(facts, top_k, deadline_s), failure, trace_id)

    def check_ready(self) -> Readiness:
        """It is ready once it is imported; calling it would cost what a question costs."""
        return Readiness((PartReadiness("function", True, f"{self.name}, imported"),))

    def close(self) -> None:
        """Nothing to release: calls that still run end with the process."""

    def _run(
        self,
        recorder: Recorder,
        facts: Facts,
        question: str,
        top_k: int,
        ids: tuple[str, str],
        deadline: Deadline,
    ) -> None:
        """Read what the function tells into `facts`, as it comes."""
        deadline.check(STAGE)
        for part in self._call(question, top_k, ids, deadline):
            told, chunks = len(facts.pieces), facts.chunks
            if isinstance(part, str):
                facts.pieces.append(_clean(part))
            elif isinstance(part, Mapping):
                read_reply(part, READING, _clean, facts)
            else:
                raise BadResponse(
                    f"The function {self.name} gave a value of type {type(part).__name__}. "
                    "Return a text, a dictionary with `answer`, or yield such."
                )
            tell(recorder, facts, told, chunks)
        check_error(f"The function {self.name}", facts, STAGE)
        recorder.generation = facts.generation()

    def _call(self, question: str, top_k: int, ids: tuple[str, str], deadline: Deadline) -> Iterator[Any]:
        """What the function returns or yields, from a thread of its own."""
        self._left = {thread for thread in self._left if thread.is_alive()}
        if len(self._left) >= MAX_LEFT:
            raise Unavailable(
                f"{MAX_LEFT} calls of {self.name} still run past their deadlines. Give the function a time limit of its own, and restart."
            )
        said: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        stopped = threading.Event()
        thread = threading.Thread(
            target=_work, args=(self._function, question, top_k, ids, said, stopped), name="function", daemon=True
        )
        thread.start()
        try:
            while True:
                try:
                    kind, value = said.get(timeout=max(0.0, deadline.remaining_s()))
                except queue.Empty:
                    raise Timeout(
                        f"The function {self.name} did not answer within {deadline.seconds:g} s. Raise the deadline (RAGLASS_DEADLINE_S)."
                    ) from None
                if kind == "failed":
                    raise StageFailed(
                        f"The function {self.name} raised {type(value).__name__}. The details are in the log."
                    ) from value
                if kind == "ended":
                    return
                yield value
        finally:
            stopped.set()
            if thread.is_alive():
                self._left.add(thread)

    def _add_spans(
        self, recorder: Recorder, facts: Facts, start_ms: float, failure: Failure | None, span_id: str
    ) -> None:
        """The stages that the function timed; one stage for all where it timed none, failed, or told more time than there was."""
        if failure is None and 0 < sum(facts.stages_ms.values()) <= recorder.elapsed_ms() - start_ms:
            add_stages(recorder, facts.stages_ms, start_ms, None)
            return
        attributes: Attributes = {"function": self.name, **attributes_of(facts)}
        recorder.emit(StageStarted(STAGE, start_ms))
        recorder.end(STAGE, start_ms, attributes, failure, span_id)


def _work(
    function: Function,
    question: str,
    top_k: int,
    ids: tuple[str, str],
    said: "queue.SimpleQueue[tuple[str, Any]]",
    stopped: threading.Event,
) -> None:
    """Call the function and pass on what it says. Its own spans, if it makes any, join the question's trace."""
    try:
        _join_trace(*ids)
        result = function(question, top_k)
        if not isinstance(result, Iterator):
            said.put(("said", result))
        else:
            for part in result:
                if stopped.is_set():
                    return
                said.put(("said", part))
        said.put(("ended", None))
    except Exception as error:
        log.exception("the function failed")
        said.put(("failed", error))


def _join_trace(trace_id: str, span_id: str) -> None:
    """Make the question's span the current one of this thread, for OpenTelemetry's instrumentation."""
    from opentelemetry import context, trace

    here = trace.SpanContext(int(trace_id, 16), int(span_id, 16), False, trace.TraceFlags(trace.TraceFlags.SAMPLED))
    context.attach(trace.set_span_in_context(trace.NonRecordingSpan(here)))


def _clean(text: str) -> str:
    return text.translate(UNSTORABLE)


def open_function(name: str, config: BackendConfig) -> FunctionBackend:
    """Import a function. Raises ConfigError where it is not there or may not be imported, Unavailable if its module breaks."""
    if name not in config.functions:
        raise ConfigError(
            f"{name} is a Python function, and code is imported only where it was named at the start. "
            f"Start with RAGLASS_BACKEND={name} or `--backend {name}`."
        )
    module_name, _, path = name.partition(":")
    function = _import(module_name, name)
    for part in path.split("."):
        function = getattr(function, part, None)
    if not callable(function):
        source = getattr(sys.modules[module_name], "__file__", None) or "built in"
        raise ConfigError(f"{name}: there is no function {path} in {module_name} ({source}).")
    try:
        inspect.signature(function).bind("", 1)
    except TypeError as error:
        raise ConfigError(f"{name} cannot be called with (question, top_k). Let it take these two.") from error
    except ValueError:
        log.debug("%s tells no signature", name)
    return FunctionBackend(name, function)


def _import(module_name: str, name: str) -> Any:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        return import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and re.match(rf"{re.escape(error.name)}(\.|$)", module_name):
            raise ConfigError(
                f"{name}: there is no module {module_name}. Start in the folder that holds it, or set PYTHONPATH."
            ) from error
        raise Unavailable(f"{name} needs the module {error.name}, which is not installed.") from error
    except Exception as error:
        log.exception("importing %s failed", module_name)
        raise Unavailable(
            f"{name}: importing {module_name} raised {type(error).__name__}. The details are in the log."
        ) from error
