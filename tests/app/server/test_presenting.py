"""The presenter's view is kept by a cookie, which an address sets and another takes away."""

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from app.kit.presenting import COOKIE
from app.server.presenting import Presenting


@pytest.fixture
def client() -> TestClient:
    def page(request: Request) -> PlainTextResponse:
        answer = PlainTextResponse(request.cookies.get(COOKIE, "none"))
        answer.set_cookie("other", "kept")
        return answer

    return TestClient(Presenting(Starlette(routes=[Route("/live", page, methods=["GET", "POST"])])))


def test_the_view_survives_pages_that_do_not_ask_for_it_until_it_is_left(client: TestClient):
    assert client.get("/live").text == "none"
    assert client.get("/live?present=1").cookies["other"] == "kept"
    assert client.get("/live").text == "1"
    assert client.get("/live?trace=a&present=0").status_code == 200
    assert client.get("/live").text == "none"


def test_the_cookie_says_nothing_of_anybody_and_no_script_reads_it(client: TestClient):
    [said] = [each for each in client.get("/live?present=1").headers.get_list("set-cookie") if COOKIE in each]
    assert said == f"{COOKIE}=1; Path=/; HttpOnly; SameSite=Lax"


@pytest.mark.parametrize("address", ["/live?present=2", "/live?present=", "/live?presents=1", "/live?present=1%0d%0ax"])
def test_other_words_set_nothing(client: TestClient, address: str):
    assert COOKIE not in client.get(address).headers.get("set-cookie", "")


def test_only_opening_a_page_sets_it(client: TestClient):
    assert COOKIE not in client.post("/live?present=1").headers.get("set-cookie", "")
