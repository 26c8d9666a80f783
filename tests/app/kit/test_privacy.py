"""That what is kept is its owner's alone."""

import os
import stat
from pathlib import Path

from app.kit.privacy import make_private, making_private


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_new_folder_and_files_are_their_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    os.umask(before)
    with making_private():
        make_private(tmp_path / "a" / "data")
        (tmp_path / "a" / "data" / "x").write_text("", "utf-8")
        (tmp_path / "a" / "data" / "folder").mkdir()
    assert [mode(tmp_path / "a" / "data" / name) for name in ("", "x", "folder")] == [0o700, 0o600, 0o700]
    after = os.umask(before)
    assert after == before


def test_what_an_older_version_left_open_is_closed_and_what_is_not_ours_is_left(tmp_path: Path) -> None:
    data, target = tmp_path / "data", tmp_path / "target"
    (data / "indexes" / "e5").mkdir(parents=True)
    for path in (data / "traces.sqlite-wal", data / "indexes" / "e5" / "vectors.faiss", data / "theirs.txt", target):
        path.write_text("", "utf-8")
        path.chmod(0o644)
    (data / "indexes" / "link").symlink_to(target)
    data.chmod(0o755)
    make_private(data)
    assert mode(data) == 0o700
    assert mode(data / "traces.sqlite-wal") == mode(data / "indexes" / "e5" / "vectors.faiss") == 0o600
    assert mode(data / "theirs.txt") == mode(target) == 0o644
