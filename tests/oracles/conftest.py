"""torch as the research profile's tests use it."""

from tests.research.conftest import torch

__all__ = ["torch"]
