"""Status says what is kept, what was deleted, what is masked."""

from collections.abc import Callable
from typing import Any

import pytest

from app.services import Services
from app.status.keeping import rule_words
from metrics.retention import Rule
from tests.factories import make_trace

Make = Callable[..., Services]


def part(services: Services, name: str) -> Any:
    return next(part for part in services.status().parts if part.name == name)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Rule.read(0, 0, "keep"), "Traces are kept for ever"),
        (Rule.read(30, 0, ""), "Traces are kept for 30 days; longer if a run holds them, rated, noted"),
        (
            Rule.read(0.5, 2000, " keep , vip"),
            "Traces are kept for 0.5 days and as long as they are among the newest 2,000; longer if a run holds them, rated, noted, "
            "or tagged keep, or tagged vip",
        ),
    ],
)
def test_a_rule_is_told_in_words(rule: Rule, words: str) -> None:
    assert rule_words(rule) == words


@pytest.mark.slow
def test_what_was_deleted_is_told(make_services: Make) -> None:
    services = make_services(keep_days=30.0)
    services.store.put_all([make_trace(), make_trace()])
    assert "Deleted of this store so far: 0." in part(services, "keeping").detail
    services.retention.last = services.retention.carry_out()
    found = part(services, "keeping")
    assert found.ready
    assert "Deleted of this store so far: 2." in found.detail
    assert "2 deleted." in found.detail


def test_without_settings_nothing_is_masked(services: Services) -> None:
    assert part(services, "masking").detail == "Nothing is masked (RAGLASS_MASK)."


def test_what_was_masked_is_counted(make_services: Make) -> None:
    services = make_services(mask="email,card")
    services.store.put(make_trace(question="Who are a@example.org and b@example.org?"))
    assert part(services, "masking").detail == "Looked for: email, card. Masked since the start: email 2."


def test_masking_that_is_set_up_wrongly_keeps_everything_from_being_stored(make_services: Make) -> None:
    services = make_services(mask="emial")
    status = services.status()
    assert not status.ready
    assert {found.name for found in status.parts if not found.ready} == {"trace store", "masking"}
    asked = services.asking.keep(make_trace(question="Who is anna@example.org?"))
    assert asked.not_stored is not None
    assert "anna" not in str(asked.trace)


def test_an_answer_is_shown_and_told_of_as_it_is_kept(make_services: Make) -> None:
    services = make_services(mask="email")
    asked = services.asking.keep(make_trace(question="Who is anna@example.org?"))
    assert asked.not_stored is None
    assert asked.trace.question == "Who is [email]?"
    stored = services.store.get(asked.trace.trace_id)
    assert stored is not None
    assert stored.trace == asked.trace
