"""The Explain page: the verdict first, whether it was right, and the repair that was seen to work."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from app.explaining.diagnosing import diagnosis_to_dict
from app.explaining.explanations import DIAGNOSIS
from app.services import Services
from explain.counterfactuals import Change, Diagnosed, Trial
from explain.diagnosis import Diagnosis, Failure
from explain.gold import Gold
from tests.pages.test_pages import shown

Open = Callable[..., AppTest]


def ask(services: Services) -> str:
    return services.asking.ask(services.asking.question("Who?")).trace.trace_id


def headings(page: AppTest) -> list[str]:
    return [each.value for each in page.header]


def press(page: AppTest, label: str) -> AppTest:
    return next(button for button in page.button if button.label == label).click().run()


@pytest.mark.slow
def test_the_verdict_and_whether_it_was_right_come_before_everything_else(open_page: Open, services: Services) -> None:
    page = open_page("explain", trace=ask(services))
    assert not page.exception
    verdict, right = headings(page)[:2]
    assert verdict.startswith("The answer stands on chunk 1")
    assert right == "Was it right? Not known."
    assert "Can this be believed? Yes." in shown(page)
    assert [tab.label for tab in page.tabs][-1] == "Details"


@pytest.mark.parametrize(("answer", "said"), [("Sentence 1", "Yes"), ("Oslo", "No")])
@pytest.mark.slow
def test_a_given_right_answer_says_whether_it_was_right(
    open_page: Open, services: Services, answer: str, said: str
) -> None:
    page = open_page("explain", trace=ask(services))
    page.text_input[0].set_value(answer)
    page = press(page, "Diagnose")
    assert not page.exception
    assert f"Was it right? {said}." in headings(page)
    assert "without any chunk" in shown(page)


MISSED = Diagnosed(
    Gold(("Oslo",)),
    correct=False,
    gold_ranks=(),
    diagnosis=Diagnosis(
        Failure.RETRIEVAL_MISS, "retrieve", "The gold chunk was not retrieved.", "Retrieve more chunks."
    ),
)


def keep(services: Services, trace_id: str, *repairs: Trial) -> None:
    services.store.keep_explanation(trace_id, DIAGNOSIS, diagnosis_to_dict(replace(MISSED, repairs=repairs)))


@pytest.mark.slow
def test_a_verified_repair_is_asked_again_and_compared_at_a_press(open_page: Open, services: Services) -> None:
    trace_id = services.asking.ask(replace(services.asking.question("Who?"), top_k=2)).trace.trace_id
    keep(services, trace_id, Trial("with 4 chunks", answer="Oslo", correct=True, change=Change(top_k=4)))
    page = press(open_page("explain", trace=trace_id), "Ask again with 4 chunks and compare")
    assert not page.exception
    first, second = ("".join(page.query_params[side]) for side in ("first", "second"))
    assert first == trace_id
    made = services.store.get(second)
    assert made is not None
    assert made.trace.settings["top_k"] == 4
    assert "Neither answer is right" in shown(page)


@pytest.mark.slow
def test_where_no_change_helped_the_advice_stands_and_nothing_is_offered(open_page: Open, services: Services) -> None:
    trace_id = ask(services)
    keep(services, trace_id, Trial("reranked", answer="Rome"))
    page = open_page("explain", trace=trace_id)
    assert "retrieve more chunks" in shown(page)
    assert "Nothing that was tried here helped" in shown(page)
    assert not any(button.label.startswith("Ask again") for button in page.button)
