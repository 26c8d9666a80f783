"""An HTTP endpoint on the pages: chosen, asked while it streams, and its state."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app import services as use_cases
from app.config import Settings
from app.services import Services
from metrics.queries import TraceQuery
from tests.backends.application import ANSWER, KEY, serving_application
from tests.pages.test_pages import shown


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    """Services over a real application, which need no index."""
    monkeypatch.setenv("APPLICATION_KEY", KEY)
    with serving_application() as application:
        application.config(tmp_path)
        current = Services(replace(Settings(), data_dir=tmp_path, backend="http/streamed", builtin_corpus=False))
        monkeypatch.setattr(use_cases, "services", lambda: current)
        yield current
        current.close()


@pytest.mark.slow
def test_ask_offers_endpoints_and_answers_from_one(open_page, services):
    test = open_page("ask")
    assert not test.exception
    chosen = test.selectbox(key="backend")
    assert {"http/told", "http/streamed"} <= set(chosen.options)
    assert chosen.value == "http/streamed"
    test.text_input(key="question").set_value("Who proposed it?")
    test.button[0].click().run()
    assert not test.exception
    [row] = services.store.page(TraceQuery()).rows
    assert row.backend == "http/streamed"
    assert ANSWER in shown(test)
    assert "Scores are" in shown(test)


def test_status_says_that_an_endpoint_without_a_health_address_was_not_tried(open_page, services):
    test = open_page("status")
    assert not test.exception
    assert "not tried, for it has no `health` address" in shown(test).replace("\\", "")
