"""`/readyz`, and Streamlit's options."""

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app import server
from app.config import Settings
from app.services import Services
from backends.fake import Script
from metrics.store import TraceStore
from pipeline.errors import StoreError

Make = Callable[..., Services]


def ask_readyz(monkeypatch: pytest.MonkeyPatch, services: Any) -> JSONResponse:
    monkeypatch.setattr(server, "services", lambda: services)
    return server.readyz(Request({"type": "http"}))


def test_ready_process_answers_200(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    response = ask_readyz(monkeypatch, services)
    assert response.status_code == 200
    assert json.loads(bytes(response.body)) == {"ready": True, "parts": {"backend": "ready", "store": "ready"}}


@pytest.mark.parametrize(
    ("script", "changes", "part"),
    [(Script(failures={"embed": OSError()}), {}, "backend"), (None, {"database_url": "nonsense"}, "store")],
)
def test_process_that_is_not_ready_answers_503_with_the_reason(
    make_services: Make, monkeypatch: pytest.MonkeyPatch, script: Script | None, changes: dict[str, str], part: str
) -> None:
    response = ask_readyz(monkeypatch, make_services(script, **changes))
    assert response.status_code == 503
    data = json.loads(bytes(response.body))
    assert data["ready"] is False
    assert [name for name, state in data["parts"].items() if state != "ready"] == [part]


def export(monkeypatch: pytest.MonkeyPatch, services: Any, path: str, query: str = "") -> Response:
    monkeypatch.setattr(server, "services", lambda: services)
    scope = {"type": "http", "method": "GET", "path": path, "query_string": query.encode(), "headers": []}
    return server.export_traces(Request(scope))


def body(response: Response) -> str:
    async def read() -> str:
        return "".join([str(part) async for part in response.body_iterator])  # type: ignore[attr-defined]

    # In a thread of its own: where a browser has been driven in this process, its loop goes on running in this one.
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(asyncio.run, read()).result()


def test_export_streams_every_trace_that_the_address_matches(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    for question in ("What is (a?", "Why?"):
        services.asking.ask(services.asking.question(question))
    response = export(monkeypatch, services, "/export/traces.jsonl", "search=what+is+(a")
    assert response.status_code == 200
    assert "traces.jsonl" in response.headers["content-disposition"]
    assert [json.loads(line)["trace"]["question"] for line in body(response).splitlines()] == ["What is (a?"]
    table = export(monkeypatch, services, "/export/traces.csv")
    assert table.media_type == "text/csv"
    assert len(body(table).splitlines()) == 3


def test_export_of_an_empty_store_is_empty(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    assert body(export(monkeypatch, services, "/export/traces.jsonl")) == ""


def test_export_from_a_store_that_cannot_be_read_is_503_with_the_reason(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> Any:
        raise StoreError("The trace store is damaged.")
        yield

    monkeypatch.setattr(TraceStore, "export", fail)
    response = export(monkeypatch, services, "/export/traces.jsonl")
    assert response.status_code == 503
    assert bytes(response.body) == b"The trace store is damaged."


def test_export_with_an_impossible_filter_is_400(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    assert export(monkeypatch, services, "/export/traces.csv", "sort=mood").status_code == 400


def ask_beyond(monkeypatch: pytest.MonkeyPatch, services: Services, query: str = "", **headers: str) -> Response:
    """An export asked of a dashboard that listens beyond this machine."""
    services.listen("0.0.0.0", 8501)
    monkeypatch.setattr(server, "services", lambda: services)
    scope = {"type": "http", "method": "GET", "path": "/export/traces.jsonl", "query_string": query.encode()}
    named = [(name.encode(), value.encode()) for name, value in headers.items()]
    return server.export_traces(Request({**scope, "headers": named, "server": ("192.0.2.7", 8501)}))


def test_beyond_this_machine_an_export_needs_a_key_to_read(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, sender = (services.store.keys.create(name, name).secret for name in ("read", "ingest"))  # type: ignore[arg-type]
    assert ask_beyond(monkeypatch, services).status_code == 401
    assert ask_beyond(monkeypatch, services, authorization=f"Bearer {sender}").status_code == 403
    assert ask_beyond(monkeypatch, services, authorization=f"Bearer {reader}").status_code == 200


def test_link_of_the_page_exports_what_it_says_without_a_key(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    for question in ("What is (a?", "Why?"):
        services.asking.ask(services.asking.question(question))
    services.listen("0.0.0.0", 8501)
    query = services.guard.sign("/export/traces.jsonl", "search=what").partition("?")[2]
    response = ask_beyond(monkeypatch, services, query)
    assert response.status_code == 200
    assert [json.loads(line)["trace"]["question"] for line in body(response).splitlines()] == ["What is (a?"]
    assert ask_beyond(monkeypatch, services, query.replace("what", "why")).status_code == 401


@pytest.mark.slow
def test_warming_up_never_raises(make_services: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "services", lambda: make_services(database_url="nonsense"))
    server.warm_up()


def test_address_comes_from_the_settings_and_the_rest_from_the_file() -> None:
    options = server.streamlit_options(replace(Settings(), host="0.0.0.0", port=9000, max_file_mb=7))
    assert options["server.maxUploadSize"] == 7
    assert (options["server.address"], options["server.port"]) == ("0.0.0.0", 9000)
    assert options["browser.gatherUsageStats"] is False
    assert options["runner.postScriptGC"] is False
    assert all("." in name and not isinstance(value, dict) for name, value in options.items())


def test_options_do_not_depend_on_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = server.streamlit_options(Settings())
    monkeypatch.chdir(tmp_path)
    assert server.streamlit_options(Settings()) == expected
