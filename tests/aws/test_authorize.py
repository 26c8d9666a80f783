"""Who gets in with a key."""

import pytest

from backends.aws.authorize import KEPT_S, KeyCheck
from pipeline.errors import Unavailable


def test_only_the_key_is_admitted() -> None:
    check = KeyCheck(lambda: "s3cret")
    assert check.admits("s3cret")
    assert not any(check.admits(wrong) for wrong in ("", "s3cre", "s3cret ", "S3CRET", "schlüssel"))


def test_empty_secret_admits_nobody() -> None:
    assert not KeyCheck(lambda: "").admits("")


def test_key_is_read_once_and_again_after_a_while() -> None:
    keys, now = ["old", "new"], [0.0]
    check = KeyCheck(lambda: keys.pop(0), clock=lambda: now[0])
    assert check.admits("old")
    now[0] = KEPT_S
    assert check.admits("old")
    now[0] = KEPT_S + 1
    assert not check.admits("old")
    assert check.admits("new")


def test_secret_that_cannot_be_read_admits_nobody() -> None:
    def fail() -> str:
        raise Unavailable("no secret")

    with pytest.raises(Unavailable):
        KeyCheck(fail).admits("x")
