"""The status never raises, and hides secrets."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from app.services import Services
from app.status.versions import PACKAGES
from app.status.words import backend_words, status_text
from backends.fake import Script

Make = Callable[..., Services]


def test_ready_product_says_so_part_by_part(services: Services) -> None:
    status = services.status()
    assert status.ready
    assert status.backend == "fake"
    names = ["embed", "retrieve", "generate", "trace store", "receiving", "keeping", "masking", "machine"]
    assert [part.name for part in status.parts] == names
    assert set(status.versions) == {"python", *PACKAGES}
    assert status.versions["streamlit"][0].isdigit()
    assert "NOT" not in status_text(status)


@pytest.mark.parametrize(
    ("changes", "part"),
    [({"backend": "cloud"}, "cloud"), ({"database_url": "nonsense"}, "trace store")],
)
def test_part_that_is_not_ready_is_named_with_its_reason(
    make_services: Make, changes: dict[str, str], part: str
) -> None:
    status = make_services(**changes).status()
    assert not status.ready
    assert [found.name for found in status.parts if not found.ready] == [part]
    assert f"NOT {part}: " in status_text(status)


@pytest.mark.slow
def test_failing_stage_makes_the_product_not_ready(make_services: Make) -> None:
    assert not make_services(Script(failures={"embed": OSError()})).status().ready


def test_setting_that_the_backend_does_not_read_says_who_does(services: Services) -> None:
    note = "(read by local/research only)"
    assert note in services.status().settings["RAGLASS_EMBEDDER"]
    assert note not in services.status("local/research").settings["RAGLASS_EMBEDDER"]
    assert note not in services.status().settings["RAGLASS_TOP_K"]


def test_model_on_another_server_is_read_by_the_embedded_profile_too(make_services: Make) -> None:
    shown = make_services(generator="openai:tiny@http://rack:8000").status("local/embedded").settings
    assert shown["RAGLASS_GENERATOR"] == "openai:tiny@http://rack:8000"


def test_another_backend_can_be_looked_at(services: Services) -> None:
    assert services.status("cloud").backend == "cloud"


def test_password_and_typing_errors(make_services: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGLASS_TOPK", "7")
    status = make_services(database_url="postgresql+psycopg://me:hunter2@localhost:1/db").status()
    text = status_text(status)
    assert "hunter2" not in text
    assert "hunter2" not in repr(status)
    assert "RAGLASS_TOPK is set, and is no setting" in text


def test_package_that_is_not_installed_says_so(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.status.versions.PACKAGES", ("no-such-package",))
    assert services.status().versions["no-such-package"] == "not installed"


def test_a_backend_elsewhere_that_was_not_looked_at_is_not_said_to_be_there(make_services: Make) -> None:
    status = make_services().status()
    given = {"fake": None, "http/far": None, "aws": None, "local/embedded": None, "local/research": "It needs torch."}
    told = backend_words(replace(status, backends=given))
    assert told["fake"] == "ready"
    assert all("not tried here: raglass status --backend " in told[name] for name in ("http/far", "aws"))
    assert (told["local/embedded"], told["local/research"]) == ("installed", "It needs torch.")
    down = make_services(Script(failures={"embed": OSError()})).status()
    assert backend_words(replace(down, backends=given))["fake"].startswith("not ready")
