"""Exporters against a dashboard that is served as `raglass serve` serves it."""

import gzip
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from metrics.otlp.records import SpanRecord, decode_records
from metrics.store import TraceStore
from tests.otlp.sent import JSON, PROTOBUF, bodies, many, request, span

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
PATIENCE_S = 120.0

SERVE = """
import itertools, sys
from pathlib import Path
from app.services import services
from app.server import serve
from metrics.otlp.records import encode_records
from metrics.store import TraceStore

folder, numbers = Path(sys.argv[1]), itertools.count()

class WaitingPieces:
    count = 0

def put_spans(store, records):
    (folder / f"{next(numbers):06}.json").write_bytes(encode_records(records))

TraceStore.put_spans = put_spans
TraceStore.waiting_pieces = lambda store: WaitingPieces()
serve(services().settings)
"""
"""The dashboard as it is, but for the spans, which it writes into a folder."""


@dataclass
class Served:
    """A dashboard that runs."""

    url: str
    folder: Path
    data_dir: Path

    def stored(self) -> list[SpanRecord]:
        return [record for file in sorted(self.folder.iterdir()) for record in decode_records(file.read_bytes())]

    def post(
        self, body: bytes, content_type: str = PROTOBUF, path: str = "/v1/traces", **headers: str
    ) -> requests.Response:
        told = {"Content-Type": content_type, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return requests.post(f"{self.url}{path}", body, headers=told, timeout=PATIENCE_S)


def serve(tmp_path: Path, **environ: str) -> Iterator[Served]:
    folder, data_dir = tmp_path / "stored", tmp_path / "data"
    folder.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    told = {"RAGLASS_DATA_DIR": str(data_dir), "RAGLASS_PORT": str(port), "RAGLASS_BACKEND": "none"}
    log = tmp_path / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(folder)],
            env=os.environ | told | environ,
            cwd=ROOT,
            stdout=file,
            stderr=file,
        )
    try:
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                requests.get(f"http://127.0.0.1:{port}/_stcore/health", timeout=5)
                break
            except requests.RequestException:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < until, log.read_text()
                time.sleep(0.1)
        yield Served(f"http://127.0.0.1:{port}", folder, data_dir)
        assert "Traceback" not in log.read_text()
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One that listens on this machine alone."""
    yield from serve(tmp_path_factory.mktemp("here"))


@pytest.fixture(scope="module")
def open_to_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One that listens on every address, and so asks for keys."""
    yield from serve(tmp_path_factory.mktemp("open"), RAGLASS_HOST="0.0.0.0")


def test_exporter_of_opentelemetry_sends_what_is_stored(here: Served) -> None:
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    provider = TracerProvider(resource=Resource({"service.name": "shop"}))
    provider.add_span_processor(
        SimpleSpanProcessor(OTLPSpanExporter(f"{here.url}/v1/traces", compression=Compression.Gzip))
    )
    with provider.get_tracer("by.hand").start_as_current_span("ask") as outer:
        outer.set_attribute("input.value", "Why is the sky blue?")
        with provider.get_tracer("by.hand").start_as_current_span("retrieve"):
            pass
    provider.shutdown()
    inner, outer_record = here.stored()[-2:]
    assert (inner.name, inner.parent_id, inner.trace_id) == ("retrieve", outer_record.span_id, outer_record.trace_id)
    assert (outer_record.attributes, outer_record.service) == ({"input.value": "Why is the sky blue?"}, "shop")


@pytest.mark.parametrize("encoding", [0, 1], ids=["protobuf", "json"])
def test_gzip_of_both_encodings_is_stored(here: Served, encoding: int) -> None:
    body, content_type = bodies(request(span(name=f"sent as {encoding}")))[encoding]
    response = here.post(gzip.compress(body), content_type, content_encoding="gzip")
    assert (response.status_code, response.headers["content-type"]) == (200, content_type)
    assert here.stored()[-1].name == f"sent as {encoding}"


def test_trace_of_a_hundred_thousand_spans_is_stored(here: Served) -> None:
    before = len(here.stored())
    response = here.post(gzip.compress(many(100_000)), content_encoding="gzip")
    assert (response.status_code, len(here.stored()) - before) == (200, 100_000)
    time.sleep(float(here.post(many(1)).headers.get("retry-after", 0)))


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"garbage", {}, 400),
        (gzip.compress(many(9))[:-9], {"content_encoding": "gzip"}, 400),
        (lambda: gzip.compress(bytes(200_000_000)), {"content_encoding": "gzip"}, 413),
        (lambda: bytes(40_000_000), {}, 413),
        (many(1), {"content_encoding": "zstd"}, 415),
    ],
    ids=["garbage", "truncated", "bomb", "too large", "zstd"],
)
def test_bad_bodies_are_answered_and_the_page_stays_up(
    here: Served, body: bytes | Callable[[], bytes], headers: dict[str, str], status: int
) -> None:
    assert here.post(body() if callable(body) else body, **headers).status_code == status
    assert requests.get(here.url, timeout=PATIENCE_S).status_code == 200


def test_body_sent_in_pieces_without_a_length_is_left_at_the_limit(here: Served) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(400):
            yield bytes(100_000)

    headers = {"Content-Type": PROTOBUF}
    response = requests.post(f"{here.url}/v1/traces", endless(), headers=headers, timeout=PATIENCE_S)
    assert response.status_code == 413


@pytest.mark.parametrize("path", ["/v1/traces", "/v1/metrics", "/v1/logs"])
def test_get_is_405_and_no_page(here: Served, path: str) -> None:
    assert requests.get(f"{here.url}{path}", timeout=PATIENCE_S).status_code == 405


def test_page_of_another_origin_gets_no_leave_from_streamlit_either(here: Served) -> None:
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    preflight = requests.options(f"{here.url}/v1/traces", headers=asked, timeout=PATIENCE_S)
    sent = here.post(many(1), origin="https://evil.example")
    assert (preflight.status_code, sent.status_code) == (403, 403)
    assert not [
        name for response in (preflight, sent) for name in response.headers if name.lower().startswith("access-c")
    ]


def test_metrics_are_taken_and_dropped(here: Served) -> None:
    assert (here.post(b"x", path="/v1/metrics").content, here.post(b"{}", JSON, "/v1/logs").content) == (b"", b"{}")


def test_beyond_this_machine_keys_are_needed_to_send_and_to_export(open_to_all: Served) -> None:
    with TraceStore.open(f"sqlite:///{open_to_all.data_dir / 'traces.sqlite'}") as store:
        sender, reader = (store.keys.create(scope, scope).secret for scope in ("ingest", "read"))  # type: ignore[arg-type]

        def statuses(**headers: str) -> tuple[int, int]:
            named: dict[str, Any] = {name.replace("_", "-"): value for name, value in headers.items()}
            exported = requests.get(f"{open_to_all.url}/export/traces.csv", headers=named, timeout=PATIENCE_S)
            return open_to_all.post(many(1), **headers).status_code, exported.status_code

        assert statuses() == (401, 401)
        assert statuses(authorization=f"Bearer {sender}") == (200, 403)
        assert statuses(x_api_key=reader) == (403, 200)
        store.keys.revoke("ingest")
        store.keys.revoke("read")
        assert (statuses(authorization=f"Bearer {sender}"), statuses(x_api_key=reader)) == ((401, 401), (401, 401))
        assert len(open_to_all.stored()) == 1
