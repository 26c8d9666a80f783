"""Traces that other tools exported, as files: read piece by piece, made spans, and stored as if they had been sent."""
