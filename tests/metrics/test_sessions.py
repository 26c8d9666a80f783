"""Conversations: each once, the one last spoken in first, page by page, however dense they are."""

import random

import pytest

from metrics import sessions
from metrics.sessions import SessionRow
from metrics.store import TraceStore
from pipeline.errors import InputError
from tests.factories import make_failed_trace, make_trace


def test_a_conversation_says_when_and_how_much_was_asked(store: TraceStore) -> None:
    assert store.sessions() == []
    store.put(make_trace(asked_at=10.0))
    store.put(make_trace(asked_at=20.0, session="a"))
    store.put(make_failed_trace(asked_at=50.0, session="a"))
    store.put(make_trace(asked_at=40.0, session="b"))
    assert store.sessions() == [SessionRow("a", 20.0, 50.0, 2, 1), SessionRow("b", 40.0, 40.0, 1, 0)]
    with pytest.raises(InputError, match="between 1 and"):
        store.sessions(limit=0)


def test_a_conversation_names_the_applications_that_answered(store: TraceStore) -> None:
    for at, service in enumerate(("shop", "", "desk", "shop")):
        store.put(make_trace(asked_at=float(at), session="a", service=service))
    [row] = store.sessions()
    assert (row.service, row.services) == ("desk", 2)


@pytest.mark.parametrize("few", [sessions.FEW, 10], ids=["grouped", "walked"])
@pytest.mark.parametrize("looked", [3, 20, 1_000])
@pytest.mark.slow
def test_pages_hold_every_conversation_once_in_order(
    store: TraceStore, monkeypatch: pytest.MonkeyPatch, few: int, looked: int
) -> None:
    monkeypatch.setattr(sessions, "FEW", few)
    monkeypatch.setattr(sessions, "LOOKED", looked)
    dice = random.Random(3)
    asked = [(float(dice.randrange(40)), dice.choice(["", "", *map(str, range(25))])) for _ in range(150)]
    store.put_all([make_trace(asked_at=at, session=session) for at, session in asked])
    last = {session: max(at for at, other in asked if other == session) for _, session in asked if session}
    expected = sorted(last, key=lambda session: (last[session], session), reverse=True)
    found: list[SessionRow] = []
    while page := store.sessions(before=found[-1].position if found else None, limit=4):
        found += page
    assert [row.session for row in found] == expected
    assert sum(row.traces for row in found) == sum(bool(session) for _, session in asked)
