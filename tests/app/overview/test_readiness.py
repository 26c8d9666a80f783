"""Whether this process can answer is told without waiting for what is slow."""

import threading

from app.overview.readiness import FOREVER_S, FRESH_S, Behind, Readiness
from pipeline.errors import StoreError


def test_what_was_found_is_told_again_until_it_is_old():
    looks, now = [], [0.0]

    def check():
        looks.append(1)
        return {"store": None}

    readiness = Readiness(check, lambda: now[0])
    assert readiness.read(10) == readiness.read(10) == {"store": None}
    assert len(looks) == 1
    now[0] = FRESH_S
    readiness.read(10)
    assert len(looks) == 2


def test_a_slow_look_is_not_waited_for_and_not_begun_twice():
    begun, gate = [], threading.Event()

    def check():
        begun.append(1)
        gate.wait(30)
        return {"backend": "away"}

    readiness = Readiness(check)
    assert readiness.read(0.0) is None
    assert readiness.read(0.0) is None
    gate.set()
    assert readiness.read(30) == {"backend": "away"}
    assert len(begun) == 1


def test_what_cannot_be_looked_at_is_tried_again_and_what_never_changes_is_not():
    looks = []

    def look():
        looks.append(1)
        if len(looks) == 1:
            raise StoreError("The disk is gone.")
        return "found"

    behind = Behind(look, fresh_s=FOREVER_S)
    assert behind.read(30) is None
    assert [behind.read(30) for _ in range(3)] == ["found"] * 3
    assert len(looks) == 2
