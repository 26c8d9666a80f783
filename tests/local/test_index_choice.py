"""A chosen index: kept, followed by builds, refused in words, and taken back."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from backends.local.index import LocalIndex
from backends.local.index_choice import CHOICE, IndexChoice, forget_choice, read_choice, write_choice
from backends.local.manifest import Manifest
from pipeline.errors import InputError, StoreError

Build = Callable[..., Manifest]
HNSW = IndexChoice("HNSW16", 64, 100, "0123abcd", 1.0)


def test_nothing_is_chosen_until_something_is(root: Path) -> None:
    assert read_choice(root) is None
    assert forget_choice(root) is False
    write_choice(root, HNSW)
    assert read_choice(root) == HNSW
    assert [path.name for path in root.iterdir()] == [CHOICE]
    assert forget_choice(root) is True
    assert read_choice(root) is None


def test_build_follows_the_choice_and_survives_with_it(build: Build, root: Path, index: LocalIndex) -> None:
    before = build()
    write_choice(root, HNSW)
    assert before.pending(HNSW) == "HNSW16, efSearch 64 is chosen: the next build makes it"
    manifest = build()
    assert (manifest.kind, manifest.choice, manifest.refused) == ("hnsw", "HNSW16, efSearch 64", "")
    assert manifest.pending(HNSW) == ""
    assert manifest.fingerprint != before.fingerprint
    assert index.manifest == manifest
    assert read_choice(root) == HNSW


def test_forgotten_choice_is_said_until_the_next_build(build: Build, root: Path) -> None:
    first = build()
    write_choice(root, HNSW)
    manifest = build()
    forget_choice(root)
    assert "no longer chosen" in manifest.pending(None)
    again = build()
    assert (again.kind, again.choice, again.fingerprint) == ("exact", "", first.fingerprint)
    assert again.pending(None) == ""


def test_what_the_vectors_cannot_teach_is_not_built_and_the_reason_is_kept(build: Build, root: Path) -> None:
    choice = IndexChoice("IVF64,Flat", 8, 100, "", 1.0)
    write_choice(root, choice)
    manifest = build()
    assert (manifest.kind, manifest.choice) == ("exact", "")
    assert manifest.refused.startswith("IVF64,Flat learns 64 centres from at least 2,496 vectors")  # 64 x 39
    assert manifest.refuses(choice)
    assert not manifest.refuses(HNSW)
    assert manifest.pending(choice).startswith("IVF64,Flat, nprobe 8 was chosen, but IVF64,Flat learns")


@pytest.mark.parametrize(
    ("factory", "effort", "said"),
    [
        ("OPQ8,PQ8", 1, "no index that can be built"),
        ("SQ8,RFlat", 0, "keeps codes and no vectors"),
        ("HNSW16", 0, "effort of 0"),
        ("HNSW16", 10**7, "effort of 10000000"),
    ],
)
def test_unusable_index_is_refused_and_nothing_is_kept(root: Path, factory: str, effort: int, said: str) -> None:
    with pytest.raises(InputError, match=said):
        write_choice(root, IndexChoice(factory, effort, 100, "", 1.0))
    assert not root.exists()


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"factory": "HNSW16"}',
        json.dumps({**{"factory": "x", "effort": 1, "depth": 1}, "study": "", "chosen_at": 0}),
    ],
)
def test_damaged_choice_is_logged_and_the_build_chooses_itself(
    build: Build, root: Path, caplog: pytest.LogCaptureFixture, content: str
) -> None:
    root.mkdir()
    (root / CHOICE).write_text(content)
    assert build().kind == "exact"
    assert "chosen automatically" in caplog.text


def test_choice_that_cannot_be_written_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="could not be kept"):
        write_choice(tmp_path / "file" / "index", HNSW)
