"""A trace of another application, from its arrival over OTLP to what explains it, and a session of two questions."""

import secrets
import time
from collections.abc import Callable

import requests
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit, rest
from tests.otlp.recordings import ANSWER, RECORDED, STAND_IN, question_spans
from tests.served_dashboard import Dashboard

PROTOBUF = {"Content-Type": "application/x-protobuf"}


def post(dashboard: Dashboard, body: bytes, **headers: str) -> None:
    """Send spans as an application does."""
    reply = requests.post(f"{dashboard.url}/v1/traces", body, headers=PROTOBUF | headers, timeout=30)
    assert (reply.status_code, reply.content) == (200, b"")


def make_turn(session: str, question: str, answer: str) -> bytes:
    """A request with one question of a conversation, in the words of OpenInference."""
    request, now_ns = ExportTraceServiceRequest(), time.time_ns()
    sent = request.resource_spans.add()
    sent.resource.attributes.add(key="service.name").value.string_value = "desk"
    span = sent.scope_spans.add().spans.add(
        trace_id=secrets.token_bytes(16),
        span_id=secrets.token_bytes(8),
        name="turn",
        start_time_unix_nano=now_ns - 50_000_000,
        end_time_unix_nano=now_ns,
    )
    told = {"session.id": session, "input.value": question, "output.value": answer, "openinference.span.kind": "CHAIN"}
    for key, value in told.items():
        span.attributes.add(key=key).value.string_value = value
    return request.SerializeToString()


def open_first(page: Page, list_of: str) -> None:
    """Open the first row of a table."""
    expect(page.get_by_text(list_of, exact=False)).to_be_visible()
    rest(page)
    page.get_by_test_id("table").locator("tbody tr").first.click()


def test_a_foreign_trace_is_followed_from_its_arrival_to_its_explanation(
    visit: Callable[..., Visit], dashboard: Dashboard
):
    post(dashboard, (RECORDED / "langchain_rag.pb.gz").read_bytes(), **{"Content-Encoding": "gzip"})
    trace_id = question_spans("langchain_rag")[0].trace_id
    window = visit()
    page = window.go("/traces?services=langchain-rag")
    open_first(page, "A click on a row opens it")
    page.wait_for_url(f"**/traces?trace={trace_id}")
    expect(page.get_by_test_id("question")).to_have_text(STAND_IN.QUESTION)
    expect(page.get_by_test_id("answer")).to_have_text(ANSWER)

    documents = page.get_by_test_id("chunk")
    expect(documents).to_have_count(2)
    expect(documents.first).to_contain_text("no score was sent")
    texts = " ".join(documents.all_text_contents())
    assert all(text in texts for name, _, text in STAND_IN.DOCUMENTS if name in ("refunds", "cards"))
    assert "cosine" not in page.get_by_test_id("stMain").inner_text()

    tree = page.get_by_role("tree")
    expect(tree.get_by_role("treeitem", name="VectorStoreRetriever,")).to_have_count(1)
    tree.get_by_role("treeitem", name="ChatOpenAI,").click()
    page.wait_for_url("**/traces?*span=*")
    expect(page.get_by_test_id("message").first).to_contain_text("Answer from the context only.")
    expect(page.get_by_test_id("message").nth(1)).to_contain_text(STAND_IN.QUESTION)
    rest(page)
    page.get_by_role("button", name="Close").click()
    expect(documents).to_have_count(2)

    page.get_by_test_id("stMain").get_by_role("link", name="Explain").click()
    page.wait_for_url(f"**/explain?trace={trace_id}")
    expect(page.get_by_test_id("answer")).to_have_text(ANSWER)
    expect(
        page.get_by_text("langchain-rag is another application, whose model cannot be asked", exact=False)
    ).to_be_visible()
    expect(page.get_by_text("Chunk 2 holds 100 % of its words", exact=False)).to_be_visible()
    assert window.elsewhere == []
    assert window.dialogs == []


def test_a_session_is_found_in_its_list_and_read_as_a_conversation(visit: Callable[..., Visit], dashboard: Dashboard):
    session = "visit <i>7</i> & more"
    post(dashboard, make_turn(session, "May I return it?", "Yes, within 30 days."))
    post(dashboard, make_turn(session, "And who pays?", "**We** do."))
    window = visit()
    page = window.go("/traces")
    rest(page)
    page.get_by_role("button", name="Sessions").click()
    page.wait_for_url("**/traces?list=sessions")
    expect(page.get_by_role("heading", name="Sessions")).to_be_visible()
    open_first(page, "the one last spoken in first")
    page.wait_for_url("**/traces?session=*")
    turns = page.get_by_test_id("turn")
    expect(turns).to_have_count(2)
    expect(turns.first).to_contain_text("May I return it?")
    expect(turns.last).to_contain_text("**We** do.")
    expect(page.get_by_text(f"{session}: 2 asked", exact=False)).to_be_visible()
    rest(page)
    page.get_by_role("button", name="Open the trace of And who pays?").click()
    page.wait_for_url("**/traces?trace=*")
    rest(page)
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete this trace").click()
    expect(page.get_by_text("The trace is deleted")).to_be_visible()
    page.go_back()
    expect(page.get_by_text("There is no trace with this id", exact=False)).to_be_visible()
    page.go_back()
    expect(turns).to_have_count(1)
    page.go_back()
    page.wait_for_url("**/traces?list=sessions")
    expect(page.get_by_role("heading", name="Sessions")).to_be_visible()
    assert window.elsewhere == []
    assert window.dialogs == []
