"""The Runs page in rows and words, and a run in a thread."""

import csv
import io
import json
import threading
from collections import Counter
from dataclasses import replace

import pytest

from app.runs.estimate import cost_words, estimate_words
from app.runs.evaluations import RunStep
from app.runs.job import RunJob
from app.runs.outcomes import outcome
from app.runs.rows import (
    HEADLINE,
    NAMES,
    abstained_words,
    chosen,
    dots,
    groups_words,
    headline,
    interval_words,
    is_share,
    measure_words,
    run_label,
    run_markdown,
    scores_csv,
    time_words,
    types_words,
)
from evaluation.datasets import LabelledQuestion
from evaluation.groups import compare_types
from evaluation.runner import RunProgress
from evaluation.scoring import score_trace
from evaluation.summary import MEASURES, Measure, in_groups, summarise, summarise_groups
from metrics.prices import estimate_questions, price_table
from metrics.runs import StoredRun
from metrics.store import TraceStore
from pipeline.errors import InputError
from pipeline.types import Span
from tests.factories import make_failed_trace, make_generation, make_trace

RUN = StoredRun(
    "abcd1234", 1_757_000_000.0, "stopped", {"name": "a|b\n<i>", "backend": "fake", "questions": 4, "top_k": 5}, 2
)


def scored(number, kind="DATE", answer="Alfred Wegener", gold="Wegener", **changes):
    question = LabelledQuestion(f"q{number}", f"Who {number}?", (gold,) if gold else (), f"article {number}", kind)
    return replace(score_trace(question, make_trace(generation=make_generation(answer))), **changes)


SCORES = [
    *(scored(n) for n in range(6)),
    scored(7, "PERSON", "Nobody"),
    scored(8, "PERSON", failed=True, problem="The disk is full."),
    scored(9, "PERSON", abstained=True),
]


def test_every_measure_has_a_name():
    assert set(NAMES) == set(MEASURES)
    assert set(HEADLINE) <= set(NAMES)


def test_a_value_is_said_with_its_interval_or_why_there_is_none():
    assert measure_words("correct", Measure(0.8825, 0.85, 0.9, 10)) == "88.2 %"
    assert interval_words("correct", Measure(0.8825, 0.85, 0.9, 10)) == "85.0 % to 90.0 %"
    assert measure_words("duration, ms", Measure(31.26, None, None, 10)) == "31.3"
    assert interval_words("f1", Measure(0.5, None, None, 3)) == "too few articles for an interval"
    assert interval_words("f1", Measure(None, None, None, 0)) == "no question counts"
    assert [name for name, _, _ in headline(summarise(SCORES)[0])] == [
        "Right",
        "Wrong",
        "Abstained wrongly",
        "Found",
        "Time",
    ]


def test_right_abstentions_are_told_where_there_are_any():
    wrongly, rightly = (scored(number, abstained=True, correct=number == 21) for number in (20, 21))
    assert abstained_words([scored(1), wrongly]) == ""
    assert abstained_words([scored(1), wrongly, rightly]) == (
        "2 questions got no answer; to 1 of them the documents have none, so that is right."
    )


def test_right_wrong_and_abstained_wrongly_are_all_questions_together():
    kinds = [(False, True), (False, False), (True, True), (True, False), (True, False)]
    scores = [scored(place, abstained=quiet, correct=right) for place, (quiet, right) in enumerate(kinds)]
    told = {name: value for name, value, _ in headline(summarise(scores)[0])}
    assert (told["Right"], told["Wrong"], told["Abstained wrongly"]) == ("40.0 %", "20.0 %", "40.0 %")
    for name in ("right", "wrong", "abstained wrongly"):
        assert [outcome(each) for each in chosen(scores, name, None)] == [name] * (1 if name == "wrong" else 2)


def test_types_stand_in_the_order_of_their_mean_below_all():
    whole, *types = summarise(SCORES)
    assert [dot.name for dot in dots(whole, types, "f1")] == ["all (9)", "DATE (6)", "PERSON (3)"]


def test_whether_types_differ_is_said_with_its_size_and_what_was_not_tested():
    scores = [
        *(scored(n) for n in range(30)),
        *(scored(40 + n, "REASON", "Nobody") for n in range(30)),
        scored(99, "PERSON"),
    ]
    words = types_words(compare_types(scores, "correct"))
    assert words.startswith("The types differ: Kruskal–Wallis p < 0.001")
    assert "DATE and REASON (Cliff’s δ +1.00, large)" in words
    assert words.endswith("Too few questions to test: PERSON.")
    assert "No difference" in types_words(
        compare_types([*scores[:30], *(scored(200 + n, "FACT", correct=n > 0) for n in range(9))])
    )
    assert "not tested" in types_words(compare_types(scores[:30]))


def test_types_stand_in_three_groups():
    names = [each.name for each in summarise_groups([*SCORES, scored(50, "REASON"), scored(51, "PROCESS")])]
    assert names == ["named things", "descriptions", "reasons and opinions"]
    assert summarise_groups(SCORES) == []
    grouped = in_groups([*SCORES, scored(50, "REASON"), scored(51, "OPINION"), scored(52, "")])
    assert Counter(each.type for each in grouped) == {"named things": len(SCORES), "reasons and opinions": 2}
    assert "The groups were not tested against each other" in types_words(compare_types(grouped), "group")
    assert "reasons and opinions (OPINION, REASON)" in groups_words()


@pytest.mark.parametrize(
    ("wanted", "count"),
    [("all", 9), ("not right", 1), ("right", 8), ("wrong", 1), ("abstained rightly", 1), ("failed", 1)],
)
def test_questions_are_chosen_by_outcome_and_type(wanted, count):
    assert len(chosen(SCORES, wanted, None)) == count
    assert all(each.type == "DATE" for each in chosen(SCORES, wanted, "DATE"))


def test_what_became_of_a_question_is_told_in_a_word():
    made = scored(1, answer="Nobody")
    assert [outcome(each) for each in (scored(1), made)] == ["right", "wrong"]
    assert outcome(replace(made, abstained=True)) == "abstained wrongly"
    assert outcome(replace(made, abstained=True, failed=True)) == "failed"
    assert (
        outcome(replace(made, abstained=True, correct=True)) == "right"
    )  # as it should, of a question without an answer


def test_a_run_is_told_apart_in_a_list():
    label = run_label(replace(RUN, about={**RUN.about, "rerank": True}))
    assert label == "a|b <i> on fake, 5 chunks, reranked, 4 Sep 15:33 (2 answered, abcd1234)"


def test_times_that_were_shared_or_spared_are_said_to_be():
    assert time_words(SCORES) == ""
    shared = [replace(each, batch=16, stages_ms={"generate": 1.0}) for each in SCORES[:2]]
    assert time_words(shared) == (
        "Time is what the run took for a question, not what a person would wait: up to 16 questions were asked together and given "
        "equal parts of it and vectors of 2 questions were known from an earlier run."
    )


def test_shares_are_told_from_other_measures():
    assert [name for name in MEASURES if not is_share(name)] == [
        name for name in MEASURES if not measure_words(name, Measure(0.5, None, None, 1)).endswith(" %")
    ]
    assert is_share("correct")
    assert not is_share("duration, ms")


def test_what_is_taken_away_is_safe_to_open():
    table = scores_csv([scored(1, answer="=SUM(A1)"), scored(2)])
    assert "'=SUM(A1)" in table
    assert len(table.splitlines()) == 3
    assert next(csv.DictReader(io.StringIO(table)))["golds"] == json.dumps(SCORES[1].golds, ensure_ascii=False)
    assert scores_csv([]) == ""
    page = run_markdown(RUN, summarise(SCORES))
    assert "## Run abcd1234: a\\|b &lt;i&gt; on fake" in page
    assert "| PERSON | 3 |" in page


def test_the_wait_is_estimated_from_what_the_backend_took(tmp_path):
    with TraceStore.open(f"sqlite:///{tmp_path / 'traces.sqlite'}") as store:
        assert "not known" in estimate_words(store, "local/embedded", 100, 1)
        store.put(make_trace(duration_ms=2_000.0))
        store.put(make_failed_trace(duration_ms=90_000.0))
        assert estimate_words(store, "local/embedded", 300, 4).startswith(
            "About 2 min for 300 questions, by the newest 1 trace of"
        )


def asked_of(kind: str, **stages_ms: float):
    """A trace of a stack with endpoints of a kind."""
    spans = tuple(Span(stage, 0.0, ms) for stage, ms in stages_ms.items())
    names = {role: f"sagemaker:rag-{role}{kind}" for role in ("embedder", "generator")}
    return make_trace(backend="aws", settings=names, spans=spans)


def test_the_cost_is_estimated_where_there_is_one(tmp_path):
    price = estimate_questions(1_000_000).total_usd
    assert price > 1
    with TraceStore.open(f"sqlite:///{tmp_path / 'traces.sqlite'}") as store:
        assert cost_words(store, "local/embedded", 300) == "They cost nothing but this machine’s time."
        assert cost_words(store, "plugged", 300) == ""
        unknown = cost_words(store, "aws", 1_000_000)
        assert f"${price:,.0f} (list prices of us-east-1" in unknown
        assert "Which these are shows once one question is answered" in unknown
        store.put(asked_of(""))
        assert f"${price:,.0f} (list prices of us-east-1" in cost_words(store, "aws", 1_000_000)
        assert "paid by the hour" in cost_words(store, "aws", 1_000_000)


def test_tokens_of_the_newest_questions_are_part_of_the_cost(tmp_path):
    written = replace(make_trace().generation, prompt="p", prompt_tokens=1_000, completion_tokens=0)

    def asked(backend: str, generator: str):
        settings = {"embedder": "sagemaker:rag-embedder-serverless", "generator": generator}
        return make_trace(backend=backend, generation=written, settings=settings)

    with TraceStore.open(f"sqlite:///{tmp_path / 'traces.sqlite'}") as store:
        store.put(asked("local/embedded", "openai:gpt-4o-mini"))
        words = cost_words(store, "local/embedded", 2_000)
        assert words == "The tokens of 2,000 questions, by the newest 1 trace: about $0.3 by list prices of 2025-06."
        store.put(asked("local/research", "openai:house"))
        assert "no price is known for “house”" in cost_words(store, "local/research", 2_000)
        store.put(asked("aws", "bedrock:amazon.nova-micro-v1:0"))
        on_aws = cost_words(store, "aws", 2_000)
    assert "the endpoints are serverless" in on_aws
    assert "embedder" in on_aws
    assert "generator" not in on_aws
    assert "about $0.07 by list prices" in on_aws


def test_serverless_endpoints_are_priced_by_the_second_that_they_took(tmp_path):
    table = price_table()
    with TraceStore.open(f"sqlite:///{tmp_path / 'traces.sqlite'}") as store:
        store.put(asked_of("", embed=9_000.0, generate=9_000.0))
        store.put(replace(asked_of("-serverless", embed=100.0, generate=1_000.0), asked_at=1_757_000_001.0))
        store.put(replace(asked_of("-serverless", embed=300.0, generate=2_000.0), asked_at=1_757_000_002.0))
        words = cost_words(store, "aws", 1_000_000)
    assert "by the hour" not in words
    assert "embedder 0.200 s, generator 1.50 s" in words
    data_gb = sum(table["serverless_kb_per_question"].values())
    usd = estimate_questions(1_000_000).total_usd + 1.7e6 * 6 * 0.00002 + data_gb * 0.016
    assert f"at most ${usd:,.0f} " in words


def steps(stop: threading.Event):
    for done in range(3):
        if stop.is_set():
            return
        yield RunStep("abcd1234", "ask", RunProgress(done, 3, done, 0, None))
        stop.wait(5)


def test_a_run_goes_on_in_its_thread_until_it_is_stopped():
    job = RunJob(steps).start()
    assert job.running
    job.stop()
    job.wait(5)
    assert (job.running, job.stopping, job.problem) == (False, True, "")
    assert job.step is None or job.step.progress.done < 3


@pytest.mark.parametrize(
    ("error", "words"), [(InputError("No such file."), "No such file."), (ValueError("x"), "failed with ValueError")]
)
def test_a_run_that_breaks_says_why(error, words):
    def broken(stop):
        raise error
        yield

    job = RunJob(broken).start()
    job.wait(5)
    assert words in job.problem
