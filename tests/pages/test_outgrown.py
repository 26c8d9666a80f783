"""Pages of a dashboard whose store a newer version has migrated: each says so, and what to do; a question is answered all the same."""

from collections.abc import Iterator

import pytest

from app.services import Services
from tests.metrics.newer_version import as_if_migrated
from tests.pages.test_pages import ask, shown

TOLD = "Stop this Raglass and start the newer version"


@pytest.fixture
def outgrown(services: Services) -> Iterator[Services]:
    """Services with a trace in their store, which another version has migrated since."""
    services.asking.ask(services.asking.question("Who?"))
    services.store.fold()
    with as_if_migrated(services.settings.store_url):
        yield services


@pytest.mark.parametrize("name", ["overview", "traces", "runs", "live", "status"])
def test_page_says_that_a_newer_version_has_taken_the_store_over(open_page, outgrown: Services, name: str) -> None:
    page = open_page(name)
    assert not page.exception
    assert TOLD in shown(page).replace("\\", "")


def test_answer_is_shown_with_the_reason_why_it_is_not_stored(open_page, outgrown: Services) -> None:
    page = ask(open_page("ask"), "Who?")
    assert not page.exception
    assert TOLD in shown(page).replace("\\", "")
