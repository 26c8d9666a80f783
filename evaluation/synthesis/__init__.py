"""Labelled questions that a program writes from chunks: by templates or by a model, and each checked before it is kept."""
