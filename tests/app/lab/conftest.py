"""Services over models that cost nothing, and questions to ask them."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.config import Settings
from app.services import Services
from tests.app.lab.fake_models import open_fake, write_questions


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    return write_questions(tmp_path / "questions.csv")


@pytest.fixture
def lab_services(tmp_path: Path) -> Iterator[Callable[..., Services]]:
    """Make services over the fake backend, without the built-in corpus."""
    made: list[Services] = []

    def make(**changes: Any) -> Services:
        settings = replace(Settings(), data_dir=tmp_path / "data", backend="fake", builtin_corpus=False, **changes)
        made.append(Services(settings, open_backend=open_fake))
        return made[-1]

    yield make
    for services in made:
        services.close()
