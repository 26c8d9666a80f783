"""What is uploaded: the same bytes each time, everything that is needed and nothing else."""

import io
import json
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import pytest

from pipeline.errors import ConfigError, InputError
from serving.packing import build_lambda, model_package

BLOCKED = ("numpy", "torch", "faiss", "streamlit", "requests", "sqlalchemy", "boto3", "pinecone")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["orchestrator", "responder"])
def test_lambda_zip_is_reproducible_small_and_imports_alone(name: str, tmp_path: Path) -> None:
    content = build_lambda(name)
    time.sleep(1.1)
    assert build_lambda(name) == content
    assert len(content) < 1_000_000
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(tmp_path)
    blocker = f"import sys\nfor name in {BLOCKED!r}: sys.modules[name] = None\nimport app\nassert callable(app.handler)"
    subprocess.run([sys.executable, "-c", blocker], cwd=tmp_path, check=True)


def test_responder_takes_nothing_along_that_it_does_not_need() -> None:
    with zipfile.ZipFile(io.BytesIO(build_lambda("responder"))) as archive:
        assert archive.namelist() == [
            "app.py",
            "backends/__init__.py",
            "backends/aws/__init__.py",
            "backends/aws/logs.py",
            "backends/aws/reply.py",
        ]


def test_unknown_lambda_is_named() -> None:
    with pytest.raises(ConfigError, match="orchestrater"):
        build_lambda("orchestrater")


@pytest.mark.slow
def test_model_archive_is_reproducible_and_its_manifest_says_what_is_in_it(tmp_path: Path) -> None:
    first, second = tmp_path / "a.tar.gz", tmp_path / "b.tar.gz"
    manifest = model_package("extractive", "generator", None).write(first)
    time.sleep(1.1)
    model_package("extractive", "generator", None).write(second)
    assert first.read_bytes() == second.read_bytes()
    assert json.loads(first.with_suffix(".json").read_text()) == manifest
    with tarfile.open(first) as archive:
        assert sorted(archive.getnames()) == sorted(manifest["files"])
        assert {(member.mtime, member.uid, member.uname) for member in archive} == {(0, 0, "")}
    assert "weights/vectors.npz" in manifest["files"]
    assert "code/backends/local/reader_weights.json" in manifest["files"]


@pytest.mark.slow
def test_weights_travel_whole(tmp_path: Path) -> None:
    folder = tmp_path / "flan"
    (folder / "sub").mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "sub" / "vocab.txt").write_text("a")
    files = model_package("transformers", "generator", folder).files
    assert {"weights/config.json", "weights/sub/vocab.txt"} <= set(files)
    assert not any(path.startswith("weights/vectors") for path in files)


@pytest.mark.slow
def test_missing_folder_and_wrong_engine_say_so(tmp_path: Path) -> None:
    for engine, role, folder in [
        ("transformers", "generator", None),
        ("transformers", "generator", tmp_path / "nowhere"),
        ("extractive", "embedder", None),
    ]:
        with pytest.raises(InputError):
            model_package(engine, role, folder).write(tmp_path / "m.tar.gz")  # type: ignore[arg-type]


@pytest.mark.slow
def test_damaged_weights_are_refused_before_they_are_uploaded(tmp_path: Path) -> None:
    header = json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    whole = len(header).to_bytes(8, "little") + header + bytes(8)
    (tmp_path / "model.safetensors").write_bytes(whole)
    assert "weights/model.safetensors" in model_package("transformers", "generator", tmp_path).files
    for damaged in (whole[:-1], whole[:20], b"", b"not tensors at all"):
        (tmp_path / "model.safetensors").write_bytes(damaged)
        with pytest.raises(InputError, match="cut short or damaged"):
            model_package("transformers", "generator", tmp_path)


@pytest.mark.slow
def test_digest_of_a_model_changes_with_its_weights_and_with_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    first = model_package("transformers", "generator", tmp_path).digest
    assert model_package("transformers", "generator", tmp_path).digest == first
    (tmp_path / "config.json").write_text("[]")
    assert model_package("transformers", "generator", tmp_path).digest != first
