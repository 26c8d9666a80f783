"""Building: atomic, resumable, and honest about what went wrong."""

import errno
import fcntl
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.local import build as building
from backends.local import manifest as files
from backends.local.build import Progress, cut_documents, passages
from backends.local.faiss_index import FaissIndex
from backends.local.index import LocalIndex
from backends.local.manifest import Manifest
from pipeline.errors import InputError, StoreError, Unavailable
from tests.local.conftest import DOCUMENTS, make_document
from tests.local.fake_embedder import FakeEmbedder

Build = Callable[..., Manifest]


class Stop(Exception):
    pass


def silent(progress: Progress) -> None:
    pass


def test_manifest_counts_what_was_built(build: Build, embedder: FakeEmbedder) -> None:
    manifest = build()
    cut = cut_documents(DOCUMENTS, silent)
    assert manifest.documents == 4
    assert manifest.chunks == len(cut.rows) > 4
    assert manifest.sentences == sum(len(row.spans) for row in cut.rows)
    assert (manifest.embedder, manifest.embedder_fingerprint) == (embedder.name, embedder.fingerprint)
    assert manifest.dimension == embedder.dimension
    assert manifest.kind == "exact"
    assert set(manifest.versions) == set(building.LIBRARIES)
    assert {"vectors.faiss", "chunks.sqlite", "sentences.npy"} <= set(manifest.checksums)


def test_folder_holds_the_index_in_use_and_nothing_else(build: Build, root: Path) -> None:
    build()
    build()
    folder = files.current_folder(root)
    assert folder is not None
    assert {path.name for path in root.iterdir()} == {".lock", "CURRENT", folder.name}


def test_profile_without_sentences_embeds_none(build: Build, root: Path, embedder: FakeEmbedder) -> None:
    manifest = build(with_sentences=False)
    assert manifest.sentences == 0
    assert len(embedder.embedded) == manifest.chunks
    folder = files.current_folder(root)
    assert folder is not None
    assert not (folder / files.SENTENCES).exists()


def test_text_that_two_documents_share_is_indexed_once() -> None:
    cut = cut_documents(
        [
            make_document("a", "The same text.", title="T"),
            make_document("b", "The same text.", title="T"),
            make_document("c", "Another.", title="T"),
        ],
        silent,
    )
    assert [row.document_id for row in cut.rows] == ["a", "c"]
    assert cut.duplicates == 1
    assert [(row[0], row[4]) for row in cut.documents] == [("a", 1), ("b", 0), ("c", 1)]


def test_same_text_under_two_titles_is_two_chunks() -> None:
    manuals = [make_document(name, "The oil capacity is 3.2 litres.", title=name) for name in ("Heron H1", "Plover P9")]
    cut = cut_documents(manuals, silent)
    assert [row.title for row in cut.rows] == ["Heron H1", "Plover P9"]
    assert cut.duplicates == 0


def test_chunk_id_depends_on_the_text_and_what_it_stands_under() -> None:
    [first] = cut_documents([make_document("a", "The same text.", title="T")], silent).rows
    [second] = cut_documents([make_document("b", "The same text.", title="T")], silent).rows
    [third] = cut_documents([make_document("b", "The same text.", title="Other")], silent).rows
    assert first.chunk_id == second.chunk_id != third.chunk_id
    assert len(first.chunk_id) == 32


def test_passages_put_the_title_in_front_of_chunks_and_of_their_sentences() -> None:
    cut = cut_documents([make_document("a", "One here. Two there.", title="Numbers")], silent)
    assert passages(cut, with_sentences=True) == (
        ["Numbers\nOne here. Two there."],
        ["Numbers\nOne here.", "Numbers\nTwo there."],
    )
    assert passages(cut, with_sentences=False)[1] == []


@pytest.mark.parametrize("documents", [[], [make_document("blank", " \n\n ")]])
def test_empty_corpus_is_misuse_that_says_what_to_do(build: Build, root: Path, documents: list[Any]) -> None:
    with pytest.raises(InputError, match="RAGLASS_BUILTIN_CORPUS"):
        build(documents)
    assert files.current_folder(root) is None
    assert [path.name for path in root.iterdir()] == [".lock"]


@pytest.mark.parametrize("step", ["cut", "embed", "write"])
def test_build_stopped_in_any_step_leaves_the_old_index_in_place(
    build: Build, root: Path, index: LocalIndex, embedder: FakeEmbedder, step: str
) -> None:
    before = build()

    def stop(progress: Progress) -> None:
        if progress.step == step:
            raise Stop

    with pytest.raises(Stop):
        build([*DOCUMENTS, make_document("new", "Something new.")], corpus_hash="new", on_progress=stop)
    assert index.manifest == before
    assert len([path for path in root.iterdir() if path.is_dir()]) == 1


def test_stopped_build_goes_on_where_it_stopped(build: Build, embedder: FakeEmbedder) -> None:
    def stop(progress: Progress) -> None:
        if progress.step == "embed" and progress.done >= 32:
            raise Stop

    with pytest.raises(Stop):
        build(on_progress=stop)
    first = list(embedder.embedded)
    assert 32 <= len(first) < 100
    embedder.embedded.clear()
    build()
    assert not set(first) & set(embedder.embedded)


def test_rebuild_embeds_nothing_again(build: Build, embedder: FakeEmbedder) -> None:
    build()
    embedder.embedded.clear()
    build()
    assert embedder.embedded == []


def test_progress_goes_through_the_steps_in_order(build: Build) -> None:
    seen: list[Progress] = []
    build(on_progress=seen.append)
    assert list(dict.fromkeys(progress.step for progress in seen)) == ["cut", "embed", "write"]
    last = {progress.step: progress for progress in seen}
    assert all(progress.done == progress.total for progress in last.values())


def test_interruption_after_publishing_keeps_the_new_index(
    build: Build, root: Path, index: LocalIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    build()

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(files.shutil, "rmtree", interrupt)
        with pytest.raises(KeyboardInterrupt):
            build(corpus_hash="new")
    assert index.manifest.corpus_hash == "new"
    assert index.chunks_at([0])


@pytest.mark.slow
def test_second_build_at_the_same_time_waits_for_the_first(build: Build, root: Path) -> None:
    build()
    before = files.current_folder(root)
    told: list[str] = []
    with (root / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        def on_progress(progress: Progress) -> None:
            told.append(progress.step)
            fcntl.flock(lock, fcntl.LOCK_UN)

        build(on_progress=on_progress)
    assert told[:2] == ["wait", "cut"]
    assert files.current_folder(root) != before


def test_a_build_that_gives_up_waiting_leaves_the_running_one_alone(build: Build, root: Path) -> None:
    class GivenUp(Exception):
        pass

    def give_up(progress: Progress) -> None:
        raise GivenUp

    def build_again(progress: Progress) -> None:
        if progress.step == "write" and progress.done == 0:
            with pytest.raises(GivenUp):
                build(on_progress=give_up)

    build(on_progress=build_again)
    assert files.current_folder(root) is not None


def full_disk(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def faiss_full_disk(*_: object, **__: object) -> None:
    raise RuntimeError("Error in virtual size_t faiss::FileIOWriter: write error")


def sqlite_full_disk(*_: object, **__: object) -> None:
    raise sqlite3.OperationalError("database or disk is full")


@pytest.mark.parametrize(
    ("owner", "name", "failing"),
    [
        (FaissIndex, "save", faiss_full_disk),
        (np, "save", full_disk),
        (building.LexicalIndex, "save", full_disk),
        (building, "_chunk_values", sqlite_full_disk),
        (files, "write_manifest", full_disk),
        (files.os, "replace", full_disk),
    ],
)
def test_full_disk_is_a_store_error_and_leaves_the_old_index(
    build: Build, root: Path, index: LocalIndex, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, failing: Any
) -> None:
    before = build()
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, failing)
        with pytest.raises(StoreError, match=r"previous index is still in place.*disk has space"):
            build(corpus_hash="new")
    assert index.manifest == before
    assert len([path for path in root.iterdir() if path.is_dir()]) == 1
    assert not list(root.glob("CURRENT.*"))


def test_folder_that_cannot_be_made_is_a_store_error(tmp_path: Path, embedder: FakeEmbedder, cache: Any) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="RAGLASS_DATA_DIR"):
        building.build_index(
            tmp_path / "file" / "index", DOCUMENTS, embedder, cache, corpus_hash="", with_sentences=False
        )


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


@pytest.mark.parametrize("how", ["changed", "cut short", "removed"])
@pytest.mark.parametrize(
    "name", ["vectors.faiss", "chunks.sqlite", "sentences.npy", "bm25", "manifest.json", "CURRENT"]
)
def test_damaged_file_is_unavailable_and_names_the_command_and_a_rebuild_mends_it(
    build: Build, root: Path, embedder: FakeEmbedder, name: str, how: str
) -> None:
    build()
    folder = files.current_folder(root)
    assert folder is not None
    path = root / name if name == "CURRENT" else folder / name
    if path.is_dir():
        path = max(path.iterdir(), key=lambda file: file.stat().st_size)
    if how == "removed":
        path.unlink()
    elif how == "cut short":
        path.write_bytes(path.read_bytes()[:5])
    else:
        damage(path)
    with pytest.raises(Unavailable, match="raglass index"):
        LocalIndex(root, embedder).opened()
    build()
    assert LocalIndex(root, embedder).manifest.documents == 4
