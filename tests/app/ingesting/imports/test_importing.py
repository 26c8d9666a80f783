"""Files of exports into a real store: counted, told, and the second time nothing new."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from click.testing import Result
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from app.ingesting.imports import importing
from app.ingesting.imports.importing import FORMATS, import_file
from app.services import Services
from app.shell import imports
from metrics.queries import TraceQuery
from metrics.store import TraceStore
from pipeline.errors import InputError
from tests.otlp.sent import request, span, to_json

Run = Callable[..., Result]
EXPORTS = Path(__file__).parent / "exports"


@pytest.fixture
def store(tmp_path: Path):
    with TraceStore.open(f"sqlite:///{tmp_path / 'traces.sqlite'}") as opened:
        yield opened


def as_json(sent: ExportTraceServiceRequest) -> bytes:
    return orjson.dumps(to_json(sent))


def requests(traces: int) -> list[bytes]:
    """OTLP/JSON of as many traces of two spans."""
    return [
        as_json(
            request(
                span(trace_id=number.to_bytes(16, "big"), span_id=b"\0" * 7 + b"\1", name="rag"),
                span(trace_id=number.to_bytes(16, "big"), span_id=b"\0" * 7 + b"\2", parent_span_id=b"\0" * 7 + b"\1"),
            )
        )
        for number in range(1, traces + 1)
    ]


@pytest.mark.slow
def test_lines_of_a_collector_are_stored_and_the_second_time_nothing_is_new(store: TraceStore, tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    path.write_bytes(b"\n".join(requests(30)))
    first = import_file(path, store)
    assert (first.spans, first.traces, first.new, first.rejected, first.formats) == (60, 30, 30, 0, {"otlp": 30})
    store.fold()
    listed = [stored.trace for stored in store.export(TraceQuery())]
    again = import_file(path, store)
    assert (again.spans, again.traces, again.new) == (60, 30, 0)
    store.fold()
    assert [stored.trace for stored in store.export(TraceQuery())] == listed
    assert {(trace.service, len(trace.spans)) for trace in listed} == {("shop", 2)}


@pytest.mark.parametrize(
    "name",
    ["phoenix.parquet", "phoenix.jsonl", "phoenix.json", "langfuse_trace.json", "langfuse_observations.csv"],
)
def test_every_export_a_second_time_changes_nothing(store: TraceStore, name: str) -> None:
    traces = []
    for new in (1, 0):
        assert import_file(EXPORTS / name, store).new == new
        store.fold()
        traces.append([stored.trace for stored in store.export(TraceQuery())])
    assert traces[0] == traces[1]
    assert len(traces[0]) == 1


def test_one_request_is_read_as_json_and_as_protobuf(store: TraceStore, tmp_path: Path) -> None:
    sent = request(span())
    bodies = {
        "one.json": as_json(sent),
        "pretty.json": json.dumps(json.loads(as_json(sent)), indent=2).encode(),
        "one.pb": sent.SerializeToString(),
        "framed.pb": len(sent.SerializeToString()).to_bytes(4, "big") + sent.SerializeToString(),
    }
    for name, body in bodies.items():
        (tmp_path / name).write_bytes(body)
        found = import_file(tmp_path / name, store)
        assert (found.spans, found.new) == (1, name == "one.json"), name


def test_what_cannot_be_kept_is_told_with_its_lines_and_costs_nothing_else(store: TraceStore, tmp_path: Path) -> None:
    good = requests(2)
    bad_id = as_json(request(span(trace_id=b"\0" * 16), span()))
    path = tmp_path / "mixed.jsonl"
    path.write_bytes(b"\n".join([good[0], b"{broken", bad_id, b'{"what": "ever"}', good[1], b"[1, 2]"]))
    found = import_file(path, store)
    assert (found.spans, found.rejected) == (5, 4)
    places = {place: why for why, told in found.reasons.items() for place in told}
    assert places["line 2"] == "it is no JSON"
    assert "all zeros" in places["line 3, span 1"]
    assert "neither a request of OTLP" in places["line 4"]
    assert set(places) == {"line 2", "line 3, span 1", "line 4", "line 6"}


def test_observation_that_cannot_be_kept_leaves_the_others_of_its_trace(store: TraceStore, tmp_path: Path) -> None:
    data = json.loads((EXPORTS / "langfuse_trace.json").read_text())
    data["observations"][0]["startTime"] = "soon"
    (tmp_path / "trace.json").write_text(json.dumps(data))
    found = import_file(tmp_path / "trace.json", store)
    assert (found.spans, found.rejected, list(found.reasons)) == (3, 1, ["its startTime is no time"])


def test_dry_run_counts_and_stores_nothing(store: TraceStore) -> None:
    found = import_file(EXPORTS / "phoenix.parquet", store, dry_run=True)
    assert (found.spans, found.new) == (5, 1)
    assert store.count() == 0
    assert store.known(["0af7651916cd43dd8448eb211c80319c"]) == set()


def test_forced_format_refuses_all_others(store: TraceStore) -> None:
    with pytest.raises(InputError, match="it is nothing of langfuse"):
        import_file(EXPORTS / "phoenix.jsonl", store, export="langfuse")


def test_file_in_which_nothing_is_recognised_is_refused(store: TraceStore, tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"a": 1}\n{"b": 2}')
    with pytest.raises(
        InputError, match=r"Nothing in x.jsonl is an export of otlp, phoenix, langfuse \(line 1, line 2: it is"
    ):
        import_file(tmp_path / "x.jsonl", store)


def test_spans_are_stored_in_batches_and_how_far_it_is_is_told(
    store: TraceStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "BATCH_SPANS", 10)
    path = tmp_path / "traces.jsonl"
    path.write_bytes(b"\n".join(requests(50)))
    told: list[tuple[int, int]] = []
    found = import_file(path, store, on_progress=lambda so_far, done, size: told.append((so_far.traces, done <= size)))
    assert [traces for traces, _ in told] == list(range(5, 51, 5))
    assert all(within for _, within in told)
    assert found.traces == 50


def test_prices_of_a_hostile_export_are_bounded(store: TraceStore, tmp_path: Path) -> None:
    row = {
        "name": "<script>" * 1_000,
        "context": {"trace_id": "x" * 10_000, "span_id": "\u0000"},
        "start_time": 10**30,
        "attributes": {"a" * 5_000: 1, "input.value": "\u0000\ud800"},
    }
    body = json.dumps({**row, "start_time": 1_757_000_000}).encode()
    (tmp_path / "x.jsonl").write_bytes(body + b"\n" + json.dumps(row).encode() + b"\n" + body)
    found = import_file(tmp_path / "x.jsonl", store)
    assert (found.spans, found.rejected) == (2, 1)
    store.fold()
    (stored,) = store.export(TraceQuery())
    assert stored.trace.question == "\ufffd\ufffd"


STRANGE = [
    None,
    "",
    "x",
    -1,
    1e308,
    True,
    [],
    {},
    [[]],
    {"a": {"b": [None]}},
    "2025",
    10**25,
    "\u0000",
    [1, "a", None],
    {"role": 1},
]


def spoil(value: object, draw: random.Random) -> object:
    """A value with some of what is in it replaced by something else."""
    if draw.random() < 0.1:
        return draw.choice(STRANGE)
    if isinstance(value, dict):
        return {key: spoil(inner, draw) for key, inner in value.items() if draw.random() > 0.03}
    return [spoil(inner, draw) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", ["phoenix.json", "langfuse_trace.json"])
@pytest.mark.slow
def test_whatever_is_wrong_with_an_export_it_is_kept_or_told(store: TraceStore, tmp_path: Path, name: str) -> None:
    draw, whole = random.Random(1), json.loads((EXPORTS / name).read_text())
    path = tmp_path / "x.jsonl"
    path.write_text("\n".join(json.dumps(row) for _ in range(400) if isinstance(row := spoil(whole, draw), dict)))
    found = import_file(path, store)
    assert found.spans > 0
    assert found.rejected > 0
    store.fold()


def test_objects_within_one_another_without_end_are_told(store: TraceStore, tmp_path: Path) -> None:
    deep = '{"a": ' * 900 + "1" + "}" * 900
    row = f'{{"name": "x", "context.trace_id": "t", "context.span_id": "s", "start_time": 1757000000, "attributes.metadata": {deep}}}'
    (tmp_path / "x.jsonl").write_text(row)
    found = import_file(tmp_path / "x.jsonl", store)
    assert found.spans + found.rejected == 1


def test_shell_imports_files_and_says_what_came_of_each(run: Run, services: Services, tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_bytes(b"\n".join([*requests(1), b"{broken"]))
    done = run("traces", "import", str(EXPORTS / "phoenix.parquet"), str(tmp_path / "bad.jsonl"), services=services)
    assert done.exit_code == 1
    assert "phoenix.parquet: 5 spans of 1 trace (5 pieces of phoenix); 1 new, 0 known before." in done.output
    assert "line 2: it is no JSON" in done.output
    told = json.loads(run("traces", "import", str(EXPORTS / "phoenix.json"), "--json", services=services).stdout)
    assert (told[0]["new_traces"], told[0]["spans"], told[0]["stored"]) == (0, 5, True)
    assert "Why?" in run("traces", services=services).output


def test_shell_refuses_a_file_that_is_no_export(run: Run, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("hello")
    done = run("traces", "import", str(tmp_path / "x"))
    assert done.exit_code == 2
    assert "Export it again in one of these" in done.output


def test_shell_offers_every_format() -> None:
    assert imports.FORMATS == FORMATS
