"""What is kept of a question that no stage was run for."""

from typing import Any

import pytest

from pipeline import errors
from pipeline.recording import failed_trace


def test_backend_that_cannot_be_opened_leaves_a_trace_too() -> None:
    error = errors.Unavailable("No torch. Run `make research`.")
    trace = failed_trace(" Who?\0 ", backend="local/research", top_k=3, deadline_s=2.0, error=error)
    assert (trace.question, trace.backend, trace.error) == ("Who?", "local/research", error.to_failure())
    assert (trace.chunks, trace.spans, trace.generation, trace.unaccounted_ms) == ((), (), None, 0)


@pytest.mark.parametrize("misuse", [{"question": ""}, {"top_k": 0}, {"deadline_s": float("nan")}], ids=str)
def test_misuse_of_a_backend_that_cannot_be_opened_is_misuse_all_the_same(misuse: dict[str, Any]) -> None:
    arguments: dict[str, Any] = {"question": "Who?", "backend": "b", "top_k": 1, "deadline_s": 1.0, **misuse}
    with pytest.raises(errors.InputError):
        failed_trace(**arguments, error=errors.Unavailable("Gone."))
