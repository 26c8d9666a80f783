"""Keys on both databases: made once, found by their secret alone, gone once they are revoked."""

import re
from collections.abc import Callable
from typing import get_args

import pytest
from sqlalchemy import select

from metrics import keys as keys_module
from metrics.keys import Scope
from metrics.store import TraceStore
from metrics.tables import keys as key_table
from pipeline.errors import InputError, StoreError


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Set the time, which is 1000 s after the epoch at first."""

    def set_(now: float) -> None:
        monkeypatch.setattr(keys_module.time, "time", lambda: now)

    set_(1000.0)
    return set_


@pytest.mark.parametrize("scope", get_args(Scope))
def test_key_is_found_by_its_secret(store: TraceStore, scope: Scope) -> None:
    made = store.keys.create("  shop ", scope)
    assert re.fullmatch(rf"rg_{scope}_[A-Za-z0-9_-]{{43}}", made.secret)
    found = store.keys.find(made.secret)
    assert found is not None
    assert (found.key_id, found.name, found.scope) == (made.key.key_id, "shop", scope)


def test_no_two_secrets_are_alike(store: TraceStore) -> None:
    assert len({store.keys.create(str(number), "read").secret for number in range(20)}) == 20


def test_secret_is_kept_nowhere_and_shown_in_no_repr(store: TraceStore) -> None:
    made = store.keys.create("shop", "ingest")
    random = made.secret.removeprefix("rg_ingest_")
    assert random not in repr(made) + repr(store.keys.all()) + repr(store.keys)
    with store._database.engine.connect() as connection:
        assert random not in repr(connection.execute(select(key_table)).all())


@pytest.mark.parametrize(
    "wrong", ["", "rg_ingest_", "nonsense", "rg_ingest_" + "A" * 43, "rg_ingest_ü" + "A" * 42, "x" * 10_000], ids=len
)
def test_other_secrets_find_nothing(store: TraceStore, wrong: str) -> None:
    store.keys.create("shop", "ingest")
    assert store.keys.find(wrong) is None


def test_secret_of_another_scope_than_the_keys_finds_nothing(store: TraceStore) -> None:
    made = store.keys.create("shop", "ingest")
    assert store.keys.find(made.secret.replace("ingest", "read", 1)) is None


@pytest.mark.parametrize("by_name", [True, False])
def test_revoked_key_is_no_longer_found_but_listed(
    store: TraceStore, by_name: bool, clock: Callable[[float], None]
) -> None:
    made = store.keys.create("shop", "ingest")
    clock(2000.0)
    ended = store.keys.revoke("shop" if by_name else made.key.key_id)
    assert ended.revoked_at == 2000.0
    assert store.keys.find(made.secret) is None
    assert store.keys.all() == [ended]


def test_name_of_a_revoked_key_can_be_given_again(store: TraceStore) -> None:
    store.keys.create("shop", "ingest")
    with pytest.raises(InputError, match="There is a key 'shop' already"):
        store.keys.create("shop", "read")
    store.keys.revoke("shop")
    store.keys.create("shop", "ingest")
    with pytest.raises(InputError, match="no key 'shelf' to revoke"):
        store.keys.revoke("shelf")


@pytest.mark.parametrize("name", ["", "  ", "x" * 101])
def test_impossible_names_are_refused(store: TraceStore, name: str) -> None:
    with pytest.raises(InputError, match="1 to 100 characters"):
        store.keys.create(name, "ingest")


def test_use_is_noted_at_most_once_a_minute(store: TraceStore, clock: Callable[[float], None]) -> None:
    made = store.keys.create("shop", "ingest")

    def used_at(now: float) -> float | None:
        clock(now)
        assert store.keys.find(made.secret) is not None
        return store.keys.all()[0].last_used_at

    assert store.keys.all()[0].last_used_at is None
    assert [used_at(now) for now in (1001.0, 1060.0, 1061.0, 1100.0)] == [1001.0, 1001.0, 1061.0, 1061.0]


def test_key_is_good_although_its_use_cannot_be_noted(store: TraceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    made = store.keys.create("shop", "ingest")

    def fail(*_: object) -> None:
        raise StoreError("The disk is full.")

    monkeypatch.setattr(store._database, "writing", fail)
    assert store.keys.find(made.secret) is not None


def test_store_that_cannot_be_read_says_so(store: TraceStore) -> None:
    ring = store.keys
    made = ring.create("shop", "ingest")
    with store._database.writing() as connection:
        connection.exec_driver_sql("DROP TABLE keys")
    with pytest.raises(StoreError):
        ring.find(made.secret)
