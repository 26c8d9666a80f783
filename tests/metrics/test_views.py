"""Saved views: kept by name, never overwritten unasked, told when they are gone."""

import pytest

from metrics import views
from metrics.store import TraceStore
from pipeline.errors import InputError, StoreError


def names(store: TraceStore) -> list[str]:
    return [view.name for view in store.views.all()]


def test_a_view_is_found_by_its_name(store: TraceStore) -> None:
    store.views.save("  slow\nand  vip ", "expression=latency_ms+%3E+2000")
    found = store.views.find("slow and vip")
    assert found.address == "expression=latency_ms+%3E+2000"
    assert found in store.views.all()


def test_views_are_listed_by_name_whatever_the_case(store: TraceStore) -> None:
    for name in ("beta", "Alpha", "alpha", "Ömega"):
        store.views.save(name, "sort=oldest")
    assert names(store) == ["Alpha", "alpha", "beta", "Ömega"]


def test_a_view_is_replaced_only_if_that_is_meant(store: TraceStore) -> None:
    store.views.save("slow", "slower_ms=100")
    with pytest.raises(InputError, match="'slow' already"):
        store.views.save("slow", "slower_ms=200")
    assert store.views.find("slow").address == "slower_ms=100"
    store.views.save("slow", "slower_ms=200", replace=True)
    assert store.views.find("slow").address == "slower_ms=200"
    assert names(store) == ["slow"]


def test_a_renamed_view_keeps_what_it_holds(store: TraceStore) -> None:
    store.views.save("slow", "slower_ms=100")
    store.views.save("other", "sort=oldest")
    assert store.views.rename("slow", " very slow ") == "very slow"
    assert store.views.find("very slow").address == "slower_ms=100"
    with pytest.raises(InputError, match="no saved view 'slow'"):
        store.views.find("slow")
    with pytest.raises(InputError, match="'other' already"):
        store.views.rename("very slow", "other")
    with pytest.raises(InputError, match="no saved view 'gone'"):
        store.views.rename("gone", "found")
    assert store.views.rename("other", "other") == "other"


def test_a_deleted_view_is_gone_and_deleting_it_again_is_harmless(store: TraceStore) -> None:
    store.views.save("slow", "slower_ms=100")
    store.views.delete("slow")
    store.views.delete("slow")
    assert names(store) == []


@pytest.mark.parametrize("name", ["", " \n\t", "\x1b", "x" * (views.MAX_NAME_CHARS + 1)])
def test_a_name_that_cannot_be_shown_is_refused(sqlite_store: TraceStore, name: str) -> None:
    with pytest.raises(InputError, match="name"):
        sqlite_store.views.save(name, "sort=oldest")


def test_an_address_that_says_nothing_or_is_too_long_is_refused(sqlite_store: TraceStore) -> None:
    for address in ("", "x" * (views.MAX_ADDRESS_CHARS + 1)):
        with pytest.raises(InputError, match=r"Nothing is chosen|Choose less"):
            sqlite_store.views.save("slow", address)
    assert names(sqlite_store) == []


def test_there_is_an_end_to_views(sqlite_store: TraceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "MAX_VIEWS", 2)
    for name in ("a", "b"):
        sqlite_store.views.save(name, "sort=oldest")
    with pytest.raises(InputError, match="Delete one"):
        sqlite_store.views.save("c", "sort=oldest")
    sqlite_store.views.save("b", "sort=slowest", replace=True)
    assert names(sqlite_store) == ["a", "b"]


def test_a_name_is_data(store: TraceStore) -> None:
    name = "'; DROP TABLE views; -- <b>%_"
    store.views.save(name, "sort=oldest")
    assert names(store) == [name]


def test_a_closed_store_says_so(sqlite_store: TraceStore) -> None:
    sqlite_store.close()
    with pytest.raises(StoreError):
        sqlite_store.views.save("a", "sort=oldest")
