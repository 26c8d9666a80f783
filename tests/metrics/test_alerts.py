"""Rules, alerts and silences on both databases: one open alert a rule, and a change is one process's alone."""

import threading
import time
from collections.abc import Sequence
from dataclasses import replace

import pytest

from metrics import alerts as alerts_module
from metrics.alerts import MAX_NAME_CHARS, Silence, StoredAlert
from metrics.store import TraceStore
from pipeline.errors import InputError, StoreError


def alert(number: int, rule: str = "slow", **changes: object) -> StoredAlert:
    made = StoredAlert(f"a{number}", rule, "open", 1_000.0 + number, None, 2.5, {"trace_ids": ["t"]})
    return replace(made, **changes)


def add(store: TraceStore, *several: StoredAlert) -> Sequence[StoredAlert]:
    return store.alerts.change(lambda *_: several)


def test_rules_are_kept_changed_and_removed(store: TraceStore) -> None:
    store.alerts.save_rule("slow", {"threshold": 1})
    store.alerts.save_rule("Errors", {"threshold": 2})
    assert [(rule.name, rule.about["threshold"]) for rule in store.alerts.rules()] == [("Errors", 2), ("slow", 1)]
    store.alerts.save_rule("slow", {"threshold": 3}, replace=True)
    assert store.alerts.rules()[1].about == {"threshold": 3}
    with pytest.raises(InputError, match="'slow' already"):
        store.alerts.save_rule("slow", {"threshold": 4})
    assert store.alerts.delete_rule("slow")
    assert not store.alerts.delete_rule("slow")


@pytest.mark.parametrize(("name", "said"), [(" \n\x1b", "no name"), ("x" * (MAX_NAME_CHARS + 1), "Shorten")])
def test_names_that_cannot_be_are_refused(store: TraceStore, name: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        store.alerts.save_rule(name, {"threshold": 1})


def test_there_are_not_more_rules_than_that(store: TraceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts_module, "MAX_RULES", 1)
    store.alerts.save_rule("slow", {"threshold": 1})
    with pytest.raises(InputError, match="There are 1 rules"):
        store.alerts.save_rule("other", {"threshold": 1})
    store.alerts.save_rule("slow", {"threshold": 2}, replace=True)


def test_a_rule_has_one_open_alert(store: TraceStore) -> None:
    assert add(store, alert(1)) == [alert(1)]
    assert add(store, alert(2)) == []
    assert add(store, alert(3, "other")) == [alert(3, "other")]
    over = alert(1, state="ended", ended_at=time.time())
    assert add(store, over) == [over]
    assert add(store, alert(4)) == [alert(4)]
    assert [each.alert_id for each in store.alerts.open()] == ["a4", "a3"]
    assert [each.alert_id for each in store.alerts.newest(2)] == ["a4", "a3"]
    assert {each.alert_id for each in store.alerts.lately()} == {"a1", "a3", "a4"}


def test_of_two_who_open_an_alert_at_once_one_does(store: TraceStore, store_url: str) -> None:
    with TraceStore.open(store_url) as other:
        barrier, won = threading.Barrier(2), list[int]()

        def race(opened: TraceStore, number: int) -> None:
            barrier.wait()
            won.extend([number] * len(add(opened, alert(number))))

        threads = [threading.Thread(target=race, args=each) for each in ((store, 1), (other, 2))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == 1
        assert [each.alert_id for each in other.alerts.open()] == [f"a{won[0]}"]


def test_what_ended_long_ago_is_left_alone(store: TraceStore) -> None:
    add(store, alert(1, state="ended", ended_at=time.time() - alerts_module.LATELY_S - 1))
    assert store.alerts.lately() == []
    seen: list[int] = []
    store.alerts.change(lambda found, _: seen.append(len(found)) or [])
    assert seen == [0]


def test_old_ones_go_and_open_ones_stay(store: TraceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts_module, "MAX_ALERTS", 4)
    add(store, alert(0, "still"))
    for number in range(1, 6):
        add(store, alert(number, state="ended", ended_at=time.time()))
    kept = {each.alert_id for each in store.alerts.newest(10)}
    assert "a0" in kept
    assert "a5" in kept
    assert len(kept) <= 4


def test_silences_hold_for_a_rule_or_for_all_until_they_end(store: TraceStore) -> None:
    made = store.alerts.silence("slow", 2_000.0, "we know\x00")
    everything = store.alerts.silence("", 3_000.0, "")
    assert store.alerts.silences() == [everything, made]
    assert made.covers("slow", 1_999.0)
    assert not made.covers("slow", 2_000.0)
    assert not made.covers("other", 1_999.0)
    assert everything.covers("other", 1_999.0)
    store.alerts.lift(made.silence_id)
    store.alerts.lift(made.silence_id)
    assert store.alerts.silences() == [everything]
    with pytest.raises(InputError, match="Shorten"):
        store.alerts.silence("slow", 1.0, "x" * 301)


def test_a_change_sees_the_silences(store: TraceStore) -> None:
    made = store.alerts.silence("slow", 2_000.0, "")
    seen: list[Silence] = []
    store.alerts.change(lambda _, silences: seen.extend(silences) or [])
    assert seen == [made]


def test_a_change_that_fails_changes_nothing(store: TraceStore) -> None:
    add(store, alert(1))

    def fail(*_: object) -> Sequence[StoredAlert]:
        raise InputError("no")

    with pytest.raises(InputError):
        store.alerts.change(fail)
    assert store.alerts.open() == [alert(1)]


def test_what_is_unreadable_is_left_aside(store: TraceStore) -> None:
    store.alerts.save_rule("slow", {"threshold": 1})
    with store._database.writing() as connection:
        connection.exec_driver_sql("UPDATE alert_rules SET about = 'x'")
    assert store.alerts.rules() == []


def test_a_store_without_the_tables_says_so(store: TraceStore) -> None:
    with store._database.writing() as connection:
        connection.exec_driver_sql("DROP TABLE alerts")
    with pytest.raises(StoreError):
        store.alerts.open()
