"""Releases: what can be brought back, without a secret in it."""

import pytest

from pipeline.errors import StageFailed
from serving.deploy.artifacts import Bucket
from serving.deploy.parameters import Values
from serving.deploy.releases import PREFIX, Releases
from tests.deploy.fake_s3 import FakeS3


def values(key: str) -> dict[str, Values]:
    return {"serving": {"OrchestratorKey": key, "PineconeApiKey": None}}


def test_newest_stands_and_what_was_withdrawn_does_not() -> None:
    releases = Releases(Bucket(FakeS3(), "b"))
    first = releases.add("1", {"serving": "body"}, values("a"))
    second = releases.add("1", {"serving": "body"}, values("b"))
    assert [each.release_id for each in releases.standing()] == [first.release_id, second.release_id]
    releases.withdraw(second)
    assert [each.values["serving"]["OrchestratorKey"] for each in releases.standing()] == ["a"]
    assert len(releases.all()) == 2
    assert first.template("serving").body == "body"


def test_same_deployment_twice_is_one_release() -> None:
    s3 = FakeS3()
    releases = Releases(Bucket(s3, "b"))
    first = releases.add("1", {"serving": "body"}, values("a"))
    assert releases.add("1", {"serving": "body"}, values("a")) == first
    assert len(s3.sent) == 1


def test_damaged_record_is_named() -> None:
    s3 = FakeS3()
    s3.put_object("b", f"{PREFIX}x.json", b"{")
    with pytest.raises(StageFailed, match=r"s3://b/releases/x\.json"):
        Releases(Bucket(s3, "b")).all()
