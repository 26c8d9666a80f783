"""The upgrade certificate on the Stability page."""

import pytest

from tests.app.stability import test_certificate as certified
from tests.pages.test_pages import shown


def press(page, label: str):
    (button,) = [each for each in page.button if each.label == label]
    return button.click().run()


def test_without_two_runs_the_certificate_says_what_to_do(open_page, services):
    page = open_page("stability")
    assert not page.exception
    assert "Run the same questions before and after a change" in shown(page)


@pytest.mark.slow
def test_a_changed_system_raises_an_alarm_with_its_evidence(open_page, services):
    certified.traces(services, "a")
    certified.store(services, "aaaa0001", certified.scored("a", wrong=1))
    certified.traces(services, "c", first=3, score=0.5, made={**certified.MADE, "embedder": "e5-*large*"})
    certified.store(services, "cccc0003", certified.scored("c", wrong=30))
    page = press(open_page("stability"), "Certify")
    assert not page.exception
    assert any(each.value.replace("\\", "").startswith("Alarm: the verdict") for each in page.error)
    words = shown(page).replace("\\", "")
    assert "at most 5 in 100 certificates raise an alarm" in words
    assert "e5-*large*" in words
    assert "overlap@5" in words


@pytest.mark.slow
def test_an_unchanged_system_raises_none(open_page, services):
    for name, run_id in (("a", "aaaa0001"), ("b", "bbbb0002")):
        certified.traces(services, name)
        certified.store(services, run_id, certified.scored(name, wrong=1))
    page = press(open_page("stability"), "Certify")
    assert not page.exception
    assert [each.value.replace("\\", "") for each in page.success] == ["No alarm: safe to ship."]
