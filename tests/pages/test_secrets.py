"""Keys are on no page and in no line of the log."""

import logging
from dataclasses import replace

import pytest

from app.config import Settings, about
from app.services import Services
from tests.pages.conftest import MAIN
from tests.pages.test_pages import shown

ADDRESSES = {
    "database_url": "postgresql+psycopg://user:kept-password@localhost:1/none",
    "index_url": "postgresql://user:kept-password@localhost:1/none",
    "alert_webhook": "http://localhost:1/kept-webhook",
}

KEYS = {name: f"kept-{name}" for name, known in about() if known.secret} | ADDRESSES
"""Every setting that is a secret, with a value that is looked for."""

OF_A_LOGIN = {"oidc_client_secret"}
"""What cannot stand alone, and with the rest closes the pages."""


def test_settings_show_no_key() -> None:
    settings = replace(Settings(), **KEYS)
    assert "kept-" not in repr(settings) + "".join(settings.shown().values())


@pytest.mark.parametrize("name", sorted(path.stem for path in (MAIN.parents[1] / "pages").glob("*.py")))
def test_keys_are_nowhere_on_a_page_nor_in_its_log(
    open_page, services: Services, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    services.store.health()  # opened before, so that the address below is shown and not used
    given = {key: value for key, value in KEYS.items() if key not in OF_A_LOGIN}
    services.settings = replace(services.settings, judge_url="http://localhost:1/v1", judge_model="m", **given)
    page = open_page(name)
    assert not page.exception
    assert "kept-" not in shown(page).replace("\\", "") + caplog.text + repr(services.settings)
