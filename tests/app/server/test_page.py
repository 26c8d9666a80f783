"""Every page says where the server is, so that no browser asks below a page's own address first."""

import base64
import hashlib
import re
from pathlib import Path

import pytest
import streamlit
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from app.server import PAGE_NAMES
from app.server.headers import inline_scripts
from app.server.page import SCRIPT, OwnPage, page_text

BROWSER = {"Accept": "text/html,application/xhtml+xml;q=0.9"}
STREAMLITS = Path(streamlit.__file__).parent / "static" / "index.html"


@pytest.fixture
def client() -> TestClient:
    def say(request: Request) -> PlainTextResponse:
        return PlainTextResponse(request.url.path)

    app = Starlette(routes=[Route("/{rest:path}", say, methods=["GET", "POST"])])
    return TestClient(OwnPage(app, STREAMLITS, PAGE_NAMES))


@pytest.mark.parametrize("path", ["/", *(f"/{name}" for name in sorted(PAGE_NAMES))])
def test_a_page_says_where_the_server_is_before_any_other_script_runs(client: TestClient, path: str) -> None:
    answer = client.get(f"{path}?trace=1", headers=BROWSER)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    scripts = re.findall(r"<script[^>]*>(.*?)</script>", answer.text, re.DOTALL)
    assert scripts[0] == SCRIPT
    assert answer.text.replace(f"<script>{SCRIPT}</script>", "") == STREAMLITS.read_text("utf-8")


def test_the_policy_lets_every_script_within_the_page_run() -> None:
    within = re.findall(r"<script>(.*?)</script>", page_text(STREAMLITS), re.DOTALL)
    assert SCRIPT in within
    hashes = {base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in within}
    assert set(inline_scripts(STREAMLITS)) == hashes


def test_a_page_that_the_browser_has_is_not_sent_again(client: TestClient) -> None:
    mark = client.get("/ask", headers=BROWSER).headers["etag"]
    again = client.get("/ask", headers={**BROWSER, "If-None-Match": mark})
    assert (again.status_code, again.text) == (304, "")


@pytest.mark.parametrize("path", ["/ask/_stcore/health", "/ask/_stcore/host-config", "/readyz", "/ask/", "/nonsense"])
def test_what_is_no_page_is_left_to_streamlit(client: TestClient, path: str) -> None:
    assert client.get(path, headers=BROWSER).text == path


def test_programs_are_left_to_streamlit_and_a_page_that_is_another_stays_as_it_is(
    client: TestClient, tmp_path: Path
) -> None:
    assert client.get("/ask", headers={"Accept": "application/json"}).text == "/ask"
    assert page_text(tmp_path / "none.html") == ""
    (tmp_path / "other.html").write_text("<script>one()</script>", "utf-8")
    assert page_text(tmp_path / "other.html") == "<script>one()</script>"
