"""A sample of answers is rated within a budget, each paid for once, and a model that is silent is left alone."""

import time
from collections.abc import Callable, Sequence

import pytest

from app.quality import judged
from app.quality.judged import DAY_S, KIND, MOST_MISSING, Budget, JudgeWatcher
from app.quality.rules import JUDGE_RULES
from app.services import Services
from evaluation.rating import Rating
from pipeline.types import Chunk
from tests.factories import make_chunk, make_failed_trace, make_generation, make_trace

GOOD = Rating((True, False), True, False, True, "Because.")


class ScriptedRater:
    """A model that says what it was told to."""

    name = "small"

    def __init__(self, rating: Rating = GOOD) -> None:
        self.rating, self.asked = rating, 0

    def rate(self, question: str, answer: str, chunks: Sequence[Chunk]) -> Rating:
        self.asked += 1
        return self.rating


@pytest.fixture
def services(make_services: Callable[..., Services]) -> Services:
    return make_services()


def put(services: Services, count: int, ago_s: float = 120.0, **fields: object) -> list[str]:
    chunks = (make_chunk(), make_chunk(chunk_id="c2", rank=2))
    told = {"chunks": chunks, "generation": make_generation(used_chunk_ids=()), **fields}
    made = [make_trace(asked_at=time.time() - ago_s, **told) for _ in range(count)]
    services.store.put_all(made)
    services.store.fold()
    return [trace.trace_id for trace in made]


def judge(services: Services, rater: ScriptedRater, share: float = 1.0, per_day: int = 100) -> JudgeWatcher:
    by = JudgeWatcher(lambda: services.store, lambda: rater, Budget(share, per_day))
    while by.look():
        pass
    return by


def test_a_rating_is_four_scores_and_kept_with_its_reason(services: Services) -> None:
    [trace_id] = put(services, 1)
    judge(services, ScriptedRater())
    assert services.store.quality.of(trace_id) == dict(zip(JUDGE_RULES, (0.5, 1.0, 0.0, 1.0), strict=True))
    kept = services.store.explanations(trace_id)[KIND]
    assert (kept["by"], kept["reason"], kept["relevant"]) == ("small", "Because.", [True, False])


@pytest.mark.slow
def test_a_day_s_budget_is_kept_over_restarts_and_the_rest_is_left(services: Services) -> None:
    put(services, 3)
    rater = ScriptedRater()
    assert judge(services, rater, per_day=2).spent() == 2
    put(services, 2)
    again = judge(services, rater, per_day=2)
    assert rater.asked == 2
    assert again.spent() == 2


def test_none_is_paid_for_twice(services: Services) -> None:
    put(services, 2)
    rater = ScriptedRater()
    first = services.store.quality.waiting("judged", 9)
    assert services.store.quality.claim(first[0].seq, JUDGE_RULES)  # by another dashboard
    judge(services, rater)
    judge(services, rater)
    assert rater.asked == 1


def test_what_could_not_be_rated_is_missing_and_not_asked_again(services: Services) -> None:
    [trace_id] = put(services, 1)
    rater = ScriptedRater(Rating.missing("its reply is no JSON"))
    judge(services, rater)
    judge(services, rater)
    assert rater.asked == 1
    assert set(services.store.quality.of(trace_id).values()) == {None}


def test_a_silent_model_is_left_alone_and_that_is_told(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judged, "REST_S", 0.0)
    put(services, MOST_MISSING)
    by = judge(services, ScriptedRater(Rating.missing("no reply within 30 s")))
    assert "no rating of 5 answers in a row: no reply within 30 s." in by.loop.problem


@pytest.mark.parametrize(
    "fields",
    [
        {"origin": "run"},
        {"chunks": ()},
        {"generation": make_generation("No.", abstained=True)},
        {"ago_s": DAY_S + 60},
        {"question": " "},
    ],
)
def test_what_there_is_nothing_to_rate_of_costs_nothing(services: Services, fields: dict[str, object]) -> None:
    services.store.quality.begin("judged", 0.0)
    put(services, 1, **fields)  # type: ignore[arg-type]
    services.store.put(make_failed_trace(asked_at=time.time() - 60))
    services.store.fold()
    rater = ScriptedRater()
    judge(services, rater)
    assert rater.asked == 0
    assert services.store.quality.waiting("judged", 9) == []


def test_an_answer_of_this_moment_waits_until_it_has_settled(services: Services) -> None:
    put(services, 1, ago_s=0.0)
    rater = ScriptedRater()
    judge(services, rater)
    assert rater.asked == 0
    assert len(services.store.quality.waiting("judged", 9)) == 1
