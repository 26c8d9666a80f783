"""Stored questions far from those asked before them."""

from collections.abc import Callable

import pytest

from app.services import Services
from app.stability.drift import QuestionPlan
from app.stability.far import find_far_traces
from pipeline.errors import InputError
from tests.app.stability.test_drift import GEOLOGY, open_backend
from tests.factories import make_trace


@pytest.fixture
def services(make_services: Callable[..., Services]) -> Services:
    current = make_services(backend="local/embedded")
    current.backends.make = open_backend
    return current


def ask(services: Services, question: str, number: int) -> None:
    services.store.put(
        make_trace(
            trace_id=f"t{number}", question=question, asked_at=1_757_000_000.0 + number, backend="local/embedded"
        )
    )


def test_far_is_the_later_question_that_shares_nothing_with_those_before(services: Services) -> None:
    for number in range(40):
        ask(services, " ".join(GEOLOGY[place] for place in range(11) if place != number % 11), number)
    ask(services, "how long must bread dough rise", 40)
    ask(services, " ".join(GEOLOGY[1:]), 41)
    found = find_far_traces(services.store, services.backends.corpus, QuestionPlan("local/embedded"))
    assert found == ["t40"]


def test_too_few_questions_are_told(services: Services) -> None:
    ask(services, "Who?", 1)
    with pytest.raises(InputError, match="at least"):
        find_far_traces(services.store, services.backends.corpus, QuestionPlan("local/embedded"))
