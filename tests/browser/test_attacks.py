"""The quick ones of `make attack`, on the dashboard of the journeys."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.attack.__main__ import tried
from tests.attack.pages import PAGES
from tests.attack.target import Attack, Outcome, Target
from tests.attack.wire import WIRE
from tests.served_dashboard import Dashboard


@pytest.mark.parametrize("attack", [each for each in WIRE if each.quick], ids=lambda attack: attack.run.__name__)
def test_attack_over_sockets_is_held(dashboard: Dashboard, attack: Attack) -> None:
    outcome = tried(attack, Target(dashboard.url, dashboard.data_dir, dashboard.log))
    assert outcome.held, outcome.came_back


@pytest.mark.parametrize("attack", [each for each in PAGES if each.quick], ids=lambda attack: attack.run.__name__)
def test_attack_with_a_browser_is_held(dashboard: Dashboard, browser: Browser, attack: Attack) -> None:
    outcome = tried(attack, Target(dashboard.url, dashboard.data_dir, dashboard.log, [browser]))
    assert outcome.held, outcome.came_back


def test_attack_that_cannot_be_carried_out_counts_as_not_held() -> None:
    def fail(_: Target) -> Outcome:
        raise OSError("nobody answers")

    outcome = tried(Attack("anything", fail, True), Target("http://localhost:1", Path(), Path()))
    assert not outcome.held
    assert "nobody answers" in outcome.came_back
