"""Applications of others in one process: their names, and their own spans inside the question's trace."""

import time
from dataclasses import replace
from pathlib import Path

import pytest

from app.config import Settings
from app.kit.wording import scores_note, shortfall
from app.services import Services
from pipeline.errors import ConfigError
from tests.backends.application import KEY, serving_application
from tests.otlp.making import make_record


def test_spans_that_an_endpoint_sends_stand_below_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPLICATION_KEY", KEY)
    with serving_application() as application:
        application.config(tmp_path)
        services = Services(replace(Settings(), data_dir=tmp_path, backend="http/told"))
        trace = services.asking.ask(services.asking.question("Who?")).trace
        _, trace_id, parent_id, _ = application.asked[-1].headers["traceparent"].split("-")
        begun_ns = int(time.time() * 1e9)
        sent = replace(
            make_record(7, name="vector search"),
            trace_id=trace_id,
            parent_id=parent_id,
            start_ns=begun_ns,
            end_ns=begun_ns + 10**6,
        )
        services.store.put_spans([sent])
        stored = services.store.get(trace.trace_id)
        services.close()
    assert stored is not None
    assert (stored.trace.question, stored.trace.backend, stored.trace.origin) == ("Who?", "http/told", "person")
    [joined] = [span for span in stored.trace.spans if span.name == "vector search"]
    assert joined.parent_id == trace.spans[0].span_id
    assert "the application's own" in scores_note(stored.trace)
    assert shortfall(stored.trace) is None


def test_endpoints_and_the_function_are_among_the_backends(tmp_path: Path) -> None:
    (tmp_path / "backends.toml").write_text(
        '[a]\nurl = "http://h/"\nheaders = { X-Key = "${ABSENT_KEY}" }\nrequest = { q = "{question}" }\nreply = { answer = "x" }\n'
    )
    services = Services(replace(Settings(), data_dir=tmp_path))
    assert "ABSENT_KEY" in str(services.backends.names()["http/a"])
    with pytest.raises(ConfigError, match="named at the start"):
        services.backends.open("tests.backends.application:reply_in_python")
    services.make_usual("tests.backends.application:reply_in_python")
    assert services.backends.names()["tests.backends.application:reply_in_python"] is None
    assert services.asking.ask(services.asking.question("Who?")).trace.error is None
    services.close()
