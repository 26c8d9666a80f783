"""What Streamlit is told of a login, and cookies that go over HTTPS alone."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from streamlit.auth_util import get_redirect_uri, get_secrets_auth_section, validate_auth_credentials
from streamlit.runtime.secrets import secrets_singleton

from app.config import Settings
from app.server.login import SecureCookies, login_secrets, set_up_login

LOGIN = replace(
    Settings(),
    oidc_issuer="https://login.example.com/",
    oidc_client_id="raglass",
    oidc_client_secret="s3cret",
    admins="ada@example.com",
    public_url="https://raglass.example.com",
)


@pytest.fixture
def no_secrets() -> Iterator[None]:
    yield
    secrets_singleton._reset()
    secrets_singleton._programmatic_secrets = None


def test_without_a_login_streamlit_is_told_of_none() -> None:
    assert login_secrets(Settings()) == {}


@pytest.mark.usefixtures("no_secrets")
def test_streamlit_takes_what_it_is_told() -> None:
    set_up_login(LOGIN)
    validate_auth_credentials("default")
    section = get_secrets_auth_section()
    assert get_redirect_uri(section) == "https://raglass.example.com/oauth2callback"
    assert section["server_metadata_url"] == "https://login.example.com/.well-known/openid-configuration"


def test_cookies_outlive_a_start_and_not_a_new_client_secret() -> None:
    def signs(settings: Settings) -> str:
        return str(login_secrets(settings)["auth"]["cookie_secret"])

    assert signs(LOGIN) == signs(replace(LOGIN, admins="bob@example.com"))
    assert signs(LOGIN) != signs(replace(LOGIN, oidc_client_secret="another"))
    assert "s3cret" not in signs(LOGIN)


@pytest.mark.parametrize("secure", [True, False])
def test_cookies_go_over_https_alone_where_people_come_by_it(secure: bool) -> None:
    def answer(request: Request) -> PlainTextResponse:
        reply = PlainTextResponse("here")
        reply.set_cookie("one", "1")
        reply.set_cookie("two", "2", secure=True)
        return reply

    client = TestClient(SecureCookies(Starlette(routes=[Route("/", answer)]), lambda: secure))
    cookies = client.get("/").headers.get_list("set-cookie")
    assert [each.count("Secure") for each in cookies] == [1 if secure else 0, 1]
