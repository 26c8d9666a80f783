"""Python functions as backends."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backends import registry
from backends.function import FunctionBackend, open_function
from backends.registry import BackendConfig
from pipeline.errors import ConfigError, Unavailable
from pipeline.types import Event, TokenMade


def text(question: str, top_k: int) -> str:
    return f"{question} {top_k}"


def pieces(question: str, top_k: int) -> Iterator[Any]:
    yield {"chunks": ("one", {"text": "two", "score": 0.5})}
    yield "It "
    yield "is."
    yield {"model": "m"}


def broken(question: str, top_k: int) -> str:
    raise KeyError("upstream text")


def alone(question: str) -> str:
    return question


def ask(function: Any, **given: Any) -> Any:
    return FunctionBackend("a:b", function).answer("Who?", **{"top_k": 2, "deadline_s": 10.0, **given})


def test_text_is_the_answer() -> None:
    trace = ask(text)
    assert trace.generation.answer == "Who? 2"
    assert [span.stage for span in trace.spans] == ["generate"]


def test_generator_is_told_as_it_yields() -> None:
    seen: list[Event] = []
    trace = ask(pieces, on_event=seen.append)
    assert trace.generation.answer == "It is."
    assert [event.token.text for event in seen if isinstance(event, TokenMade)] == ["It ", "is."]
    assert [(chunk.text, chunk.score) for chunk in trace.chunks] == [("one", None), ("two", 0.5)]
    assert trace.settings["generator"] == "m"


def test_exception_is_a_typed_error_without_its_text() -> None:
    trace = ask(broken)
    assert (trace.error.kind, trace.error.stage) == ("StageFailed", "generate")
    assert "KeyError" in trace.error.message
    assert "upstream text" not in trace.error.message


@pytest.mark.parametrize("result", [None, 7, ["a"], {}, {"chunks": []}], ids=str)
def test_result_without_an_answer_is_a_bad_response(result: Any) -> None:
    assert ask(lambda question, top_k: result).error.kind == "BadResponse"


def test_error_that_a_function_tells_is_kept_as_data() -> None:
    trace = ask(lambda question, top_k: {"error": "quota"})
    assert trace.error.kind == "StageFailed"
    assert trace.spans[0].attributes["application_error"] == "quota"


def test_function_that_hangs_ends_at_the_deadline_and_too_many_of_them_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("backends.function.MAX_LEFT", 2)
    release = threading.Event()
    backend = FunctionBackend("a:b", lambda question, top_k: str(release.wait(30)))
    begun = time.monotonic()
    kinds = [backend.answer("Who?", top_k=1, deadline_s=0.05).error.kind for _ in range(3)]  # type: ignore[union-attr]
    release.set()
    assert kinds == ["Timeout", "Timeout", "Unavailable"]
    assert time.monotonic() - begun < 10


def test_spans_that_a_function_makes_join_the_trace() -> None:
    from opentelemetry import trace as telemetry

    seen = []

    def traced(question: str, top_k: int) -> str:
        seen.append(telemetry.get_current_span().get_span_context())
        return "It."

    trace = ask(traced)
    assert f"{seen[0].trace_id:032x}" == trace.trace_id
    assert f"{seen[0].span_id:016x}" == trace.spans[0].span_id


def test_function_is_imported_only_where_the_process_was_started_with_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--backend os:system"):
        registry.open_backend("os:system", BackendConfig(tmp_path))


@pytest.mark.parametrize(
    ("name", "error", "says"),
    [
        ("absent_module:f", ConfigError, "no module absent_module"),
        (f"{__name__}:absent", ConfigError, "no function absent"),
        (f"{__name__}:alone", ConfigError, r"cannot be called with \(question, top_k\)"),
        ("failing_module:f", Unavailable, "raised ZeroDivisionError"),
        ("needing_module:f", Unavailable, "needs the module absent_package"),
    ],
)
def test_function_that_cannot_be_had_says_why(
    name: str, error: type[Exception], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "failing_module.py").write_text("1 / 0")
    (tmp_path / "needing_module.py").write_text("import absent_package")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(error, match=says):
        open_function(name, BackendConfig(tmp_path, functions=(name,)))
