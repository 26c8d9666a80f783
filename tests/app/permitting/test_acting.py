"""Who is acting, and what they may do."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.permitting.acting import (
    acting_as,
    ask_pages,
    did_last,
    drop_book,
    keep_book,
    record,
    require,
    require_own,
    who,
)
from app.permitting.roles import MACHINE, NotPermitted, Person, Role
from metrics.audit import AuditLog
from metrics.store import TraceStore
from pipeline.errors import StoreError

ADA, EVE, BOB = (
    Person("ada@example.com", Role.ADMIN),
    Person("eve@example.com", Role.EDITOR),
    Person("bob@example.com", Role.VIEWER),
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TraceStore]:
    with TraceStore.open(f"sqlite:///{tmp_path / 'traces.sqlite'}") as opened:
        yield opened


@pytest.fixture
def keep() -> Iterator[Callable[[Callable[[], AuditLog]], None]]:
    """Notes changes in a book until the test ends."""
    kept: list[Callable[[], AuditLog]] = []

    def keep_(book: Callable[[], AuditLog]) -> None:
        kept.append(book)
        keep_book(book)

    yield keep_
    for book in kept:
        drop_book(book)


@pytest.mark.parametrize(
    ("person", "role", "may"),
    [
        (ADA, Role.ADMIN, True),
        (EVE, Role.EDITOR, True),
        (EVE, Role.ADMIN, False),
        (BOB, Role.VIEWER, True),
        (BOB, Role.EDITOR, False),
        (Person("nobody", Role.NOBODY), Role.VIEWER, False),
    ],
)
def test_each_role_may_what_those_before_it_may(person: Person, role: Role, may: bool) -> None:
    with acting_as(person):
        if may:
            assert require(role) == person
            return
        with pytest.raises(NotPermitted, match=f"takes the role of {role.name.lower()}; {person.name}"):
            require(role)


def test_one_stops_what_one_began_and_an_admin_stops_anything() -> None:
    with acting_as(EVE):
        require_own(EVE.name, "This run was started")
        with pytest.raises(NotPermitted, match=r"This run was started by carol@example\.com"):
            require_own("carol@example.com", "This run was started")
        with pytest.raises(NotPermitted, match="somebody else"):
            require_own("", "This run was started")
    with acting_as(ADA):
        require_own("carol@example.com", "This run was started")
    with acting_as(BOB), pytest.raises(NotPermitted, match="role of editor"):
        require_own(BOB.name, "This run was started")


def test_the_machine_acts_where_nobody_else_does_and_another_thread_does_not_act_for_one() -> None:
    found = []
    with acting_as(BOB):
        assert who() == BOB
        thread = threading.Thread(target=lambda: found.append(who()))
        thread.start()
        thread.join()
    assert found == [MACHINE]
    assert who() == MACHINE


def test_who_uses_a_page_goes_before_who_the_process_acts_for() -> None:
    try:
        ask_pages(lambda: BOB)
        with acting_as(ADA):
            assert who() == BOB
    finally:
        ask_pages(lambda: None)


def test_changes_are_noted_with_who_made_them(store: TraceStore, keep: Callable[..., None]) -> None:
    keep(lambda: store.audit)
    with acting_as(EVE):
        record("saved a view", "slow")
    with acting_as(ADA):
        record("saved a view", "fast")
        record("saved a view", "slow")
    assert [(each.who, each.subject) for each in store.audit.newest()] == [
        (ADA.name, "slow"),
        (ADA.name, "fast"),
        (EVE.name, "slow"),
    ]
    assert did_last("saved a view", "slow") == ADA.name
    assert did_last("saved a view", "other") == ""


def test_a_change_stays_made_where_it_cannot_be_noted(
    keep: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> AuditLog:
        raise StoreError("the disk is full")

    keep(broken)
    record("saved a view", "slow")
    assert did_last("saved a view", "slow") == ""
    assert "the disk is full" in caplog.text
