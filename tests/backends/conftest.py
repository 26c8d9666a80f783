"""The research profile's tiny models, as its own tests make them, and an application behind HTTP."""

from collections.abc import Iterator

import pytest

from tests.backends.application import Application, serving_application
from tests.research.conftest import cross_encoder_folder, e5_folder, t5_folder, torch

__all__ = ["cross_encoder_folder", "e5_folder", "t5_folder", "torch"]


@pytest.fixture(scope="module")
def application() -> Iterator[Application]:
    with serving_application() as running:
        yield running
