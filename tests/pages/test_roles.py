"""What pages show to people of each role, and to whom they are shown at all."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app.permitting.acting import acting_as, ask_pages
from app.permitting.roles import Person, Role
from app.services import Services
from app.views.kit import visitor
from tests.factories import make_trace

BOB, EVE = Person("bob@example.com", Role.VIEWER), Person("eve@example.com", Role.EDITOR)


@pytest.fixture
def signed_in(monkeypatch: pytest.MonkeyPatch, services: Services) -> Callable[[Person], None]:
    """Lets pages be used by somebody."""

    def sign_in(person: Person) -> None:
        monkeypatch.setattr(visitor, "_admit", lambda: person)

    return sign_in


def disabled(page: AppTest, kind: str = "button") -> set[str]:
    return {each.label for each in page.get(kind) if each.proto.disabled}


def test_beyond_its_machine_no_page_is_shown(open_page: Callable[..., AppTest], services: Services) -> None:
    services.settings = replace(services.settings, host="0.0.0.0")
    services.store.put(make_trace(question="What is secret?"))
    for path in ("overview", "traces", "status"):
        page = open_page(path)
        assert [each.value for each in page.title] == ["Raglass"]
        [error] = page.error
        assert "nothing says who may come in" in error.value
        assert "secret" not in str(page)


@pytest.mark.parametrize(("person", "shown"), [(BOB, False), (EVE, False), (None, True)])
def test_settings_and_changes_are_for_admins(
    open_page: Callable[..., AppTest], signed_in: Callable[[Person], None], person: Person | None, shown: bool
) -> None:
    if person is not None:
        signed_in(person)
    labels = [each.label for each in open_page("status").expander]
    assert ("Settings" in labels, "Who changed what" in labels) == (shown, shown)


def test_a_viewer_reads_a_trace_and_changes_nothing_of_it(
    open_page: Callable[..., AppTest], signed_in: Callable[[Person], None], services: Services
) -> None:
    trace = make_trace()
    services.store.put(trace)
    signed_in(BOB)
    page = open_page("traces", trace=trace.trace_id)
    assert not page.exception
    assert "Delete this trace" in disabled(page)
    assert disabled(page, "text_input") == {"Note"}
    button = next(each for each in page.button if each.label == "Delete this trace")
    assert "role of admin" in button.help


def test_what_was_drawn_for_an_admin_is_refused_to_a_viewer(
    open_page: Callable[..., AppTest], signed_in: Callable[[Person], None], services: Services
) -> None:
    trace = make_trace()
    services.store.put(trace)
    signed_in(replace(EVE, role=Role.ADMIN))
    page = open_page("traces", trace=trace.trace_id)
    signed_in(BOB)
    next(each for each in page.button if each.label == "Delete this trace").click().run()
    assert services.store.get(trace.trace_id) is not None
    assert any("role of admin" in each.value for each in page.error)


@pytest.mark.slow
def test_somebody_elses_run_is_not_stopped_on_the_page(
    open_page: Callable[..., AppTest], signed_in: Callable[[Person], None], services: Services
) -> None:
    def steps(stop: Any) -> Any:
        stop.wait(60)
        return iter(())

    with acting_as(EVE):
        job = services.run_jobs.start(steps)
    signed_in(replace(EVE, name="carol@example.com"))
    page = open_page("runs")
    assert {"Stop", "Pause"} <= disabled(page)
    signed_in(EVE)
    page = open_page("runs")
    next(each for each in page.button if each.label == "Stop").click().run()
    job.wait(60)
    assert not job.running


@pytest.fixture(autouse=True)
def nobody_left() -> Any:
    yield
    ask_pages(lambda: None)
