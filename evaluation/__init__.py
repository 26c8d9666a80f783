"""Datasets, runs over them, their scores, and what follows from the scores. A run is answered through any backend."""
