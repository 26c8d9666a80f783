"""Planted truth: tiny worlds whose answers are known to stand on known chunks, and tiny models trained to answer in them."""
