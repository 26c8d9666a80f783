"""The span reader: a small model that reads a question and a chunk together, and marks the words that answer."""
