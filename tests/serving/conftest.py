"""The tiny models of the research profile's tests, for the endpoints that serve them."""

from tests.research.conftest import e5_folder, gpt2_folder, t5_folder, torch

__all__ = ["e5_folder", "gpt2_folder", "t5_folder", "torch"]
