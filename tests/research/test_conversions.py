"""A converted model is made once, alone, and used only whole."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from backends.local.research import conversions, decoders
from backends.local.research.conversions import MANIFEST, UNFINISHED, Recipe, convert, find, packed, write_manifest
from backends.local.research.generator import ResearchGenerator
from backends.local.research.loading import PACKED, ModelFolder
from backends.local.research.t5_graph import READER, WRITER
from pipeline.errors import Unavailable

RECIPE = Recipe("engine", "1.0", "int8", 1)


@pytest.fixture
def model(tmp_path: Path) -> ModelFolder:
    return ModelFolder("a/model", tmp_path / "model", "RAGLASS_GENERATOR")


@pytest.fixture
def cache_dir(tmp_path: Path) -> Path:
    return tmp_path / "models"


def make(folder: Path) -> dict[str, Any]:
    (folder / "weights").write_bytes(b"12345678")
    return {"ends": [1]}


def broken(folder: Path) -> dict[str, Any]:
    make(folder)
    raise ValueError("in the middle")


def test_it_is_made_once_and_says_what_it_was_told(model: ModelFolder, cache_dir: Path) -> None:
    made = [convert(model, "f", RECIPE, cache_dir, make), convert(model, "f", RECIPE, cache_dir, broken)]
    assert made[0] == made[1] == find(model, "f", RECIPE, cache_dir)
    assert made[0].about == {"ends": [1], "engine": "engine"}
    assert (made[0].path / "weights").read_bytes() == b"12345678"


@pytest.mark.parametrize(
    "other",
    [
        ("g", RECIPE),
        ("f", Recipe("other", "1.0", "int8", 1)),
        ("f", Recipe("engine", "1.1", "int8", 1)),
        ("f", Recipe("engine", "1.0", "float32", 1)),
        ("f", Recipe("engine", "1.0", "int8", 2)),
    ],
    ids=["another model", "another engine", "another version", "other numbers", "another edition"],
)
def test_another_conversion_is_not_met(model: ModelFolder, cache_dir: Path, other: tuple[str, Recipe]) -> None:
    convert(model, "f", RECIPE, cache_dir, make)
    assert find(model, *other, cache_dir) is None


def damage_weights(folder: Path) -> None:
    (folder / "weights").write_bytes(b"12345679")


def cut_weights(folder: Path) -> None:
    (folder / "weights").write_bytes(b"1234")


def lose_weights(folder: Path) -> None:
    (folder / "weights").unlink()


def slip_in(folder: Path) -> None:
    (folder / "more").write_text("foreign")


def damage_manifest(folder: Path) -> None:
    (folder / MANIFEST).write_text((folder / MANIFEST).read_text()[:-5])


def empty_manifest(folder: Path) -> None:
    (folder / MANIFEST).write_text("{}")


@pytest.mark.parametrize(
    "damage", [damage_weights, cut_weights, lose_weights, slip_in, damage_manifest, empty_manifest]
)
def test_a_damaged_one_is_not_used_but_made_anew(model: ModelFolder, cache_dir: Path, damage: Any) -> None:
    damage(convert(model, "f", RECIPE, cache_dir, make).path)
    assert find(model, "f", RECIPE, cache_dir) is None
    again = convert(model, "f", RECIPE, cache_dir, make)
    assert sorted(path.name for path in again.path.iterdir()) == [MANIFEST, "weights"]


def test_what_breaks_in_the_middle_leaves_nothing_and_says_what_to_do(model: ModelFolder, cache_dir: Path) -> None:
    with pytest.raises(Unavailable, match=r"a/model could not be converted \(ValueError.*RAGLASS_ENGINE=torch"):
        convert(model, "f", RECIPE, cache_dir, broken)
    assert [path.name for path in cache_dir.iterdir() if path.is_dir()] == []
    assert find(model, "f", RECIPE, cache_dir) is None


def test_a_full_disk_says_so(model: ModelFolder, cache_dir: Path) -> None:
    def fill(folder: Path) -> dict[str, Any]:
        raise OSError(28, "No space left on device")

    with pytest.raises(Unavailable, match=r"cannot be kept in .*No space left on device.*Make room"):
        convert(model, "f", RECIPE, cache_dir, fill)


@pytest.mark.slow
def test_a_process_killed_in_the_middle_leaves_nothing_that_is_used(model: ModelFolder, cache_dir: Path) -> None:
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from backends.local.research.conversions import Recipe, convert\n"
        "from backends.local.research.loading import ModelFolder\n"
        "def make(folder):\n"
        "    (folder / 'weights').write_bytes(b'1234')\n"
        "    os.kill(os.getpid(), 9)\n"
        "there = Path(sys.argv[1])\n"
        "convert(ModelFolder('a/model', there, 'S'), 'f', Recipe('engine', '1.0', 'int8', 1), there, make)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(cache_dir)], check=False).returncode == -9
    assert [path.name.startswith(UNFINISHED) for path in cache_dir.iterdir() if path.is_dir()] == [True]
    assert find(model, "f", RECIPE, cache_dir) is None
    made = convert(model, "f", RECIPE, cache_dir, make)  # and its lock went with it
    assert (made.path / "weights").read_bytes() == b"12345678"


def test_what_was_left_long_ago_is_cleared_away(model: ModelFolder, cache_dir: Path) -> None:
    old, recent = cache_dir / f"{UNFINISHED}old", cache_dir / f"{UNFINISHED}recent"
    for folder in (old, recent):
        folder.mkdir(parents=True)
    long_ago = time.time() - conversions.ABANDONED_S - 60
    os.utime(old, (long_ago, long_ago))
    convert(model, "f", RECIPE, cache_dir, make)
    assert (old.exists(), recent.exists()) == (False, True)


def test_who_comes_second_is_told_to_wait(model: ModelFolder, cache_dir: Path) -> None:
    def meanwhile(folder: Path) -> dict[str, Any]:
        with pytest.raises(Unavailable, match=r"being converted for engine by another process.*RAGLASS_ENGINE=torch"):
            convert(model, "f", RECIPE, cache_dir, broken)
        return make(folder)

    convert(model, "f", RECIPE, cache_dir, meanwhile)


def test_a_model_may_bring_its_conversion_along(model: ModelFolder) -> None:
    assert packed(model, "engine") is None
    (model.path / PACKED).mkdir(parents=True)
    write_manifest(model.path / PACKED, {**make(model.path / PACKED), "engine": "engine"})
    found = packed(model, "engine")
    assert found is not None
    assert found.path == model.path / PACKED
    assert packed(model, "another") is None
    damage_weights(model.path / PACKED)
    with pytest.raises(Unavailable, match=r"brings along is cut short or damaged. Pack the model again"):
        packed(model, "engine")


@pytest.mark.parametrize(
    ("engine", "file", "more"),
    [("ctranslate2", "model.bin", {}), ("onnxruntime", READER, {"start": 0, "heads": 4, "size": 8, "layers": 2})],
)
def test_a_whole_file_that_the_engine_cannot_read_says_what_to_delete(
    t5_folder: Path, tmp_path: Path, engine: str, file: str, more: dict[str, Any]
) -> None:
    pytest.importorskip(engine)
    folder = tmp_path / "tiny-t5"
    (folder / PACKED).mkdir(parents=True)
    for path in t5_folder.glob("*.json"):
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / PACKED / file).write_bytes(b"another engine's")
    write_manifest(folder / PACKED, {"ends": [1], "numbers": "int8", "engine": engine, **more})
    with pytest.raises(Unavailable, match=r"cannot be loaded\. Delete (that|its) folder"):
        ResearchGenerator(str(folder))


@pytest.mark.parametrize(("engine", "file"), [("ctranslate2", "model.bin"), ("onnxruntime", f"{WRITER}.data")])
@pytest.mark.slow
def test_a_damaged_conversion_of_a_generator_is_made_anew(
    taught_t5_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str, file: str
) -> None:
    pytest.importorskip(engine)
    monkeypatch.setattr(decoders, "capabilities", lambda: {"avx2": True, "avx_vnni": engine == "onnxruntime"})
    first = ResearchGenerator(str(taught_t5_folder), threads=1, engine="auto", cache_dir=tmp_path)
    [made] = [path for path in tmp_path.iterdir() if path.is_dir()]
    manifest = json.loads((made / MANIFEST).read_text())
    assert manifest["about"]["engine"] == engine
    weights = made / file
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-100])
    again = ResearchGenerator(str(taught_t5_folder), threads=1, engine="auto", cache_dir=tmp_path)
    assert weights.read_bytes() == whole
    assert again.name == first.name
