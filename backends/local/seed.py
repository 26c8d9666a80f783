"""Computes the built-in corpus's committed vectors again: `python -m backends.local.seed`, or `make seed`."""

import sys
import tempfile
from pathlib import Path

import numpy as np

from backends.local.build import cut_documents, passages
from backends.local.documents import builtin_documents
from backends.local.encoder import known
from backends.local.nano import NanoEmbedder
from backends.local.profiles import SEED
from backends.local.vectors import EmbedProgress, LocalEmbedder, Seed, VectorCache, embed_all, text_key


def seed_texts() -> list[str]:
    """Every text that an index of the built-in corpus needs a vector of: chunks, then sentences, each once."""
    chunks, sentences = passages(cut_documents(builtin_documents(), lambda progress: None), with_sentences=True)
    return list(dict.fromkeys(chunks + sentences))


def make_seed(embedder: LocalEmbedder, texts: list[str]) -> Seed:
    """Embed texts, all of them anew. About 15 ms of one core a text."""

    def tell(progress: EmbedProgress) -> None:
        left = "" if progress.remaining_s is None else f", about {progress.remaining_s:.0f} s left"
        sys.stderr.write(f"\r{progress.done:,} of {progress.total:,} texts{left}   ")

    with tempfile.TemporaryDirectory() as folder:
        cache = VectorCache(Path(folder), embedder.fingerprint, embedder.dimension)
        vectors = embed_all(texts, embedder, cache, on_progress=tell)
    sys.stderr.write("\n")
    keys = np.frombuffer(b"".join(text_key(text) for text in texts), np.uint8).reshape(len(texts), -1)
    return Seed(embedder.fingerprint, keys, vectors)


def main() -> None:
    """Write the seed where the local backend looks for it."""
    embedder, texts = NanoEmbedder(), seed_texts()
    [vector] = embedder.embed([known.TEXT], "passage")
    if known.nearness(vector) < known.ENOUGH:
        sys.stdout.write(f"Write this vector into {known.__name__} and start again: {known.packed(vector)}\n")
        return
    make_seed(embedder, texts).save(SEED)
    sys.stdout.write(f"{SEED}: {len(texts):,} vectors, {SEED.stat().st_size / 1e6:.1f} MB\n")


if __name__ == "__main__":
    main()
