"""Signing in by a provider, as people of different roles, and out again."""

import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit, rest
from tests.oidc_provider import CLIENT_SECRET, Provider, oidc_provider
from tests.served_dashboard import Dashboard, start

VERIFIED = {"email_verified": True}
PEOPLE = {
    "Ada": {"email": "Ada@Example.com", **VERIFIED},
    "Bob": {"email": "bob@example.org", **VERIFIED},
    "Mallory": {"email": "mallory@example.net", **VERIFIED},
}


@pytest.fixture
def provider() -> Iterator[Provider]:
    with oidc_provider(PEOPLE) as running:
        yield running


@pytest.fixture
def dashboard(provider: Provider, tmp_path: Path) -> Iterator[Dashboard]:
    people = {"RAGLASS_ADMINS": "bob@example.org", "RAGLASS_ALLOW_PEOPLE": "@example.com"}
    process, running = start(tmp_path, **provider.environ, **people)
    yield running
    process.terminate()
    process.wait(60)


def sign_in(visited: Visit, name: str, path: str = "/") -> Page:
    page = visited.go(path)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name=name, exact=True).click()
    page.wait_for_url(f"{visited.base}/**")
    rest(page)
    return page


def sign_out(visited: Visit) -> None:
    with visited.page.expect_response("**/auth/logout*"):  # which takes the cookie back
        visited.page.get_by_role("button", name="Sign out").click()
    expect(visited.page.get_by_role("button", name="Sign in")).to_be_visible()


def test_people_see_and_may_do_what_their_role_says(
    visit: Callable[..., Visit], dashboard: Dashboard, provider: Provider
) -> None:
    visited = visit(locale="en")
    page = visited.go("/status")
    expect(page.get_by_text("Sign in to use this dashboard.")).to_be_visible()
    expect(page.get_by_text("Backends")).to_have_count(0)
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(f"{dashboard.url}/export/traces.csv", timeout=30)

    page = sign_in(visited, "Mallory")
    expect(page.get_by_text("is not among those who may use")).to_be_visible()
    expect(page.get_by_role("link", name="Status")).to_have_count(0)
    sign_out(visited)

    page = sign_in(visited, "Ada", "/traces?rating=down")
    page.wait_for_url("**/traces?rating=down")
    expect(page.get_by_text("ada@example.com, viewer")).to_be_visible()
    visited.go("/corpus")
    expect(page.get_by_role("button", name="Rebuild")).to_be_disabled()
    visited.go("/status")
    expect(page.get_by_text("Versions")).to_be_visible()
    expect(page.get_by_text("Who changed what")).to_have_count(0)
    sign_out(visited)

    page = sign_in(visited, "Bob")
    visited.go("/corpus")
    rest(page)
    page.get_by_role("button", name="Rebuild").click()
    expect(page.get_by_role("button", name="Dismiss")).to_be_visible()
    visited.go("/status")
    page.get_by_text("Who changed what").click()
    expect(page.get_by_role("row", name="bob@example.org rebuilt the index")).to_be_visible()

    assert provider.problems == []
    assert CLIENT_SECRET not in dashboard.log.read_text("utf-8")
