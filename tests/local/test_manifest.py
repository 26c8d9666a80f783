"""Where an index lies and what its manifest says."""

import json
from pathlib import Path

import pytest

from backends.local import manifest as files
from backends.local.manifest import Manifest
from backends.local.tuning import Tuning
from pipeline.errors import IndexMismatch, Unavailable


def make_manifest(folder: Path, **fields: object) -> Manifest:
    (folder / "vectors.faiss").write_bytes(b"vectors")
    values: dict[str, object] = {
        "format": files.FORMAT,
        "embedder": "e5",
        "embedder_fingerprint": "e5-1",
        "dimension": 4,
        "documents": 1,
        "chunks": 2,
        "duplicates": 0,
        "sentences": 3,
        "corpus_hash": "abc",
        "chunking": "heading:800:0",
        "kind": "hnsw",
        "tuning": Tuning("hnsw", 64, 0.995, 200),
        "built_at": 1.0,
        "build_s": 2.0,
        "versions": {"numpy": "2"},
        "checksums": {"vectors.faiss": files.checksum(folder / "vectors.faiss")},
        **fields,
    }
    return Manifest(**values)  # type: ignore[arg-type]


def test_manifest_comes_back_as_written(tmp_path: Path) -> None:
    manifest = make_manifest(tmp_path)
    files.write_manifest(tmp_path, manifest)
    assert files.read_manifest(tmp_path) == manifest
    assert files.read_manifest(tmp_path).tuning == Tuning("hnsw", 64, 0.995, 200)


def test_fingerprint_changes_with_the_corpus_and_with_the_embedder(tmp_path: Path) -> None:
    prints = {
        make_manifest(tmp_path).fingerprint,
        make_manifest(tmp_path, corpus_hash="other").fingerprint,
        make_manifest(tmp_path, embedder_fingerprint="other").fingerprint,
    }
    assert len(prints) == 3


@pytest.mark.parametrize(
    "content", [None, "", "{", "[]", "null", "{}", '{"format": 1}', '{"format": 1, "mood": "sunny"}']
)
def test_damaged_manifest_names_the_command(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / files.MANIFEST).write_text(content)
    with pytest.raises(Unavailable, match="raglass index --rebuild"):
        files.read_manifest(tmp_path)


def test_manifest_whose_checksums_are_no_table_is_damaged(tmp_path: Path) -> None:
    files.write_manifest(tmp_path, make_manifest(tmp_path))
    data = json.loads((tmp_path / files.MANIFEST).read_text()) | {"checksums": None}
    (tmp_path / files.MANIFEST).write_text(json.dumps(data))
    with pytest.raises(Unavailable, match="raglass index --rebuild"):
        files.read_manifest(tmp_path)


def test_newer_format_is_refused_and_named(tmp_path: Path) -> None:
    files.write_manifest(tmp_path, make_manifest(tmp_path, format=files.FORMAT + 1))
    with pytest.raises(Unavailable, match=f"format {files.FORMAT + 1}"):
        files.read_manifest(tmp_path)


def test_index_of_another_embedder_is_a_mismatch_that_names_both_and_the_command(tmp_path: Path) -> None:
    with pytest.raises(IndexMismatch, match=r"built with e5 \(e5-1\).*is now mini \(mini-2\).*raglass index --rebuild"):
        files.verify(tmp_path, make_manifest(tmp_path), "mini-2", "mini")


def test_untouched_files_verify(tmp_path: Path) -> None:
    files.verify(tmp_path, make_manifest(tmp_path), "e5-1", "e5")


@pytest.mark.parametrize("content", [None, b"", b"vectorz"])
def test_changed_or_missing_file_is_named(tmp_path: Path, content: bytes | None) -> None:
    manifest = make_manifest(tmp_path)
    (tmp_path / "vectors.faiss").unlink()
    if content is not None:
        (tmp_path / "vectors.faiss").write_bytes(content)
    with pytest.raises(Unavailable, match=r"vectors\.faiss.*raglass index --rebuild"):
        files.verify(tmp_path, manifest, "e5-1", "e5")


def test_nothing_built_is_no_folder(tmp_path: Path) -> None:
    assert files.current_folder(tmp_path) is None
    assert files.current_folder(tmp_path / "absent") is None


@pytest.mark.parametrize("content", [b"", b"\n", b"../../etc", b"a/b", b"\xff\xfe"])
def test_pointer_that_names_no_folder_here_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / files.CURRENT).write_bytes(content)
    with pytest.raises(Unavailable, match="raglass index --rebuild"):
        files.current_folder(tmp_path)


def test_publishing_points_at_the_new_folder_and_sweeping_removes_the_rest(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    for folder in (old, new):
        folder.mkdir()
        files.publish(tmp_path, folder)
    assert files.current_folder(tmp_path) == new
    assert old.exists()
    (tmp_path / "CURRENT.broken").write_text("left by a full disk")
    files.sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["CURRENT", "new"]


def test_sweeping_leaves_everything_where_the_pointer_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / files.CURRENT).write_bytes(b"")
    files.sweep(tmp_path)
    assert (tmp_path / "folder").exists()


def test_manifest_of_the_format_before_is_read_as_nothing_chosen(tmp_path: Path) -> None:
    files.write_manifest(tmp_path, make_manifest(tmp_path))
    path = tmp_path / files.MANIFEST
    data = json.loads(path.read_text())
    fingerprint = files.read_manifest(tmp_path).fingerprint
    for name in ("choice", "refused"):
        del data[name]
    del data["tuning"]["built"]
    path.write_text(json.dumps(data | {"format": 2}))
    before = files.read_manifest(tmp_path)
    assert (before.choice, before.refused, before.fingerprint) == ("", "", fingerprint)
    assert before.tuning == Tuning("hnsw", 64, 0.995, 200)
