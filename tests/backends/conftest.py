"""The research profile's tiny models, as its own tests make them."""

from tests.research.conftest import cross_encoder_folder, e5_folder, t5_folder, torch

__all__ = ["cross_encoder_folder", "e5_folder", "t5_folder", "torch"]
