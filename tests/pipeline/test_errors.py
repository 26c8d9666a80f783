"""The error tree is as its module draws it."""

import re

import pytest

from pipeline import errors
from pipeline.types import Failure

DRAWN = re.findall(r"[├└]── (\w+)", errors.__doc__ or "")


def subclasses(kind: type) -> set[type]:
    return {found for child in kind.__subclasses__() for found in {child, *subclasses(child)}}


def test_drawn_tree_names_every_error() -> None:
    ours = {kind.__name__ for kind in subclasses(errors.RaglassError) if kind.__module__ == errors.__name__}
    assert set(DRAWN) == ours


@pytest.mark.parametrize(
    ("child", "parent"),
    [
        (errors.IndexMismatch, errors.Unavailable),
        (errors.DimensionMismatch, errors.BadResponse),
        (errors.Timeout, errors.BackendError),
        (errors.StoreError, errors.RaglassError),
    ],
)
def test_indented_errors_are_kinds_of_what_they_stand_under(child: type, parent: type) -> None:
    assert issubclass(child, parent)


def test_input_error_is_no_backend_error() -> None:
    assert not issubclass(errors.InputError, errors.BackendError)


def test_backend_error_becomes_data() -> None:
    assert errors.Throttled("Slow down.", stage="generate").to_failure() == Failure(
        "Throttled", "Slow down.", "generate"
    )
    assert errors.Unavailable("Gone.").to_failure().stage is None
