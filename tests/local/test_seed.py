"""The committed vectors of the built-in corpus."""

import numpy as np
import pytest

from backends.local import seed
from backends.local.encoder import known
from backends.local.nano import NanoEmbedder
from backends.local.profiles import SEED
from backends.local.vectors import Seed, text_key
from tests.local.fake_embedder import FakeEmbedder


@pytest.mark.slow
def test_seed_covers_every_text_once_and_is_the_same_each_time() -> None:
    texts = seed.seed_texts()
    assert len(texts) == len(set(texts))
    assert texts == seed.seed_texts()
    made = seed.make_seed(FakeEmbedder(), texts[:50])
    again = seed.make_seed(FakeEmbedder(), texts[:50])
    for text in texts[:50]:
        np.testing.assert_array_equal(made.get(text_key(text)), again.get(text_key(text)))


def test_committed_vectors_cover_the_built_in_corpus() -> None:
    committed = Seed.load(SEED)
    assert committed is not None, "Run `make seed`."
    missing = [text for text in seed.seed_texts() if committed.get(text_key(text)) is None]
    assert missing == [], "The articles or the way they are cut have changed. Run `make seed`."


EVERY = 80
"""Of the built-in corpus's texts, one in so many is embedded again: all of them take two minutes, and `make seed` does so."""


@pytest.mark.slow
def test_rebuild_gives_the_committed_vectors_again() -> None:
    committed = Seed.load(SEED)
    assert committed is not None, "Run `make seed`."
    embedder = NanoEmbedder()
    assert committed.fingerprint == embedder.fingerprint
    texts = seed.seed_texts()[::EVERY]
    rebuilt = seed.make_seed(embedder, texts)
    # A float that another processor rounds otherwise moves some activation by a whole step of 8 bits: cosines of 0.994 were seen (ADR 11).
    # The same text after the wrong prefix has at most 0.98.
    for text in texts:
        key = text_key(text)
        expected, found = committed.get(key), rebuilt.get(key)
        assert expected is not None
        assert found is not None
        assert float(expected.astype(np.float32) @ found.astype(np.float32)) > known.ENOUGH, text
