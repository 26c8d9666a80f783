"""An address that is no page's leads to the Overview; all others are let through."""

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from app.server import HOME, PAGE_NAMES
from app.server.nowhere import Nowhere

BROWSER = {"Accept": "text/html,application/xhtml+xml;q=0.9"}


@pytest.fixture
def client() -> TestClient:
    def say(request: Request) -> PlainTextResponse:
        return PlainTextResponse(request.url.path)

    app = Starlette(routes=[Route("/{rest:path}", say, methods=["GET", "POST"])])
    return TestClient(Nowhere(app, {*PAGE_NAMES, "readyz"}, HOME), follow_redirects=False)


def test_a_page_that_there_is_not_leads_to_the_overview_with_its_name(client: TestClient) -> None:
    found = client.get("/nonsense?trace=1", headers=BROWSER)
    assert (found.status_code, found.headers["location"]) == (303, "./?nowhere=nonsense")
    assert len(client.get(f"/{'x' * 500}", headers=BROWSER).headers["location"]) < 80


def test_the_overview_by_its_name_is_the_overview(client: TestClient) -> None:
    assert client.get("/overview", headers=BROWSER).headers["location"] == "./"


@pytest.mark.parametrize(
    "path",
    ["/", *(f"/{name}" for name in sorted(PAGE_NAMES)), "/readyz", "/oauth2callback", "/favicon.png", "/media/x"],
)
def test_pages_and_what_else_is_served_are_let_through(client: TestClient, path: str) -> None:
    assert client.get(path, headers=BROWSER).text == path


@pytest.mark.parametrize("path", ["/non%0d%0asense", "/%2e%2e", "/a b", "/ü", "//evil.example", "/a/b", "/nonsense/"])
def test_what_could_not_be_a_pages_name_is_left_to_streamlit(client: TestClient, path: str) -> None:
    assert "location" not in client.get(path, headers=BROWSER).headers


def test_programs_are_led_nowhere(client: TestClient) -> None:
    assert client.get("/nonsense", headers={"Accept": "application/json"}).status_code == 200
    assert client.post("/nonsense", headers=BROWSER).status_code == 200


def test_every_page_of_the_router_is_known() -> None:
    assert {"ask", "traces", "corpus", "status"} <= PAGE_NAMES
