"""Keys are on no page and in no line of the log."""

import logging
from dataclasses import replace

import pytest

from app.services import Services
from tests.pages.conftest import MAIN
from tests.pages.test_pages import shown

KEYS = {
    "api_key": "kept-api-key",
    "judge_key": "kept-judge-key",
    "database_url": "postgresql+psycopg://user:kept-password@localhost:1/none",
}


@pytest.mark.parametrize("name", sorted(path.stem for path in (MAIN.parents[1] / "pages").glob("*.py")))
def test_keys_are_nowhere_on_a_page_nor_in_its_log(
    open_page, services: Services, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    services.store.health()  # opened before, so that the address below is shown and not used
    services.settings = replace(services.settings, judge_url="http://localhost:1/v1", judge_model="m", **KEYS)
    page = open_page(name)
    assert not page.exception
    assert "kept-" not in shown(page).replace("\\", "") + caplog.text + repr(services.settings)
