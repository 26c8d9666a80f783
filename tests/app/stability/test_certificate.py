"""`raglass stability certificate`: over stored runs, and over simulated pairs of runs of one system."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result

from app.runs.compared import ComparedRuns
from app.services import Services
from app.stability.certificate import ALARM_P, TOP_SCORE, Certificate, Retrieved, certify, certify_runs, usual_pair
from app.stability.certificate_words import certificate_markdown, certificate_text, headline
from evaluation.comparison import compare_runs, shared_pairs
from evaluation.scoring import Scored
from evaluation.summary import ALL
from evaluation.verdict import Outcome
from metrics.runs import StoredRun
from tests.app.runs.test_compared import scored, store
from tests.evaluation.labelled import make_scored
from tests.factories import make_chunk, make_trace

Run = Callable[..., Result]

MADE = {"embedder": "e5-small", "index": "1a2b", "generator": "reader"}


def traces(
    services: Services,
    run: str,
    *,
    first: int = 1,
    score: float = 0.8,
    questions: int = 60,
    made: Mapping[str, str] = MADE,
) -> None:
    """A trace a question: five chunks numbered from `first`, scores that grow from question to question."""
    for number in range(questions):
        chunks = [
            make_chunk(chunk_id=f"c{number}-{first + place}", rank=place + 1, score=score + number / 1000)
            for place in range(5)
        ]
        services.store.put(make_trace(trace_id=f"{run}-{number}", chunks=tuple(chunks), settings=dict(made)))


@pytest.fixture
def baseline(services: Services) -> str:
    traces(services, "a")
    return store(services, "aaaa0001", scored("a", wrong=1))


@pytest.fixture
def same(services: Services, baseline: str) -> str:
    traces(services, "b")
    return store(services, "bbbb0002", scored("b", wrong=1))


@pytest.fixture
def changed(services: Services, baseline: str) -> str:
    """Half of the answers gone wrong, three of five chunks the same, other scores, another embedder."""
    traces(services, "c", first=3, score=0.5, made={**MADE, "embedder": "e5-*large*"})
    return store(services, "cccc0003", scored("c", wrong=30))


@pytest.mark.parametrize(
    ("fingerprints", "pair"), [("aba", "20"), ("abb", "21"), ("aab", "10"), ("abc", "10"), ("ab", "10")]
)
def test_newest_run_with_one_before_it_over_the_same_questions_is_what_one_would_certify(
    fingerprints: str, pair: str
) -> None:
    runs = [StoredRun(str(n), -n, "finished", {"fingerprint": each}, 1) for n, each in enumerate(fingerprints)]
    assert "".join(run.run_id for run in usual_pair(runs)) == pair


@pytest.mark.slow
def test_unchanged_system_raises_no_alarm_and_says_what_that_is_worth(
    run: Run, services: Services, baseline: str, same: str
) -> None:
    done = run("stability", "certificate", baseline, same, services=services)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("No alarm: safe to ship.")
    assert "Both runs gave the same answer to every question" in done.stdout
    assert "at most 5 in 100 certificates raise" in " ".join(done.stdout.split())
    found = certify_runs(services.evaluations, services.store, baseline, same)
    whole = found.types[0]
    assert (whole.overlap.value, whole.rbo.value, whole.answer_changed.value) == (1, pytest.approx(1), 0)
    assert (found.parts, found.tests, found.untraced) == ((), (), 0)
    assert found.scores is not None
    assert (found.scores.ks, found.scores.psi) == (0, 0)


@pytest.mark.slow
def test_changed_embedder_is_named_with_chunks_answers_scores_and_types(
    services: Services, baseline: str, changed: str
) -> None:
    found = certify_runs(services.evaluations, services.store, baseline, changed)
    assert found.parts == (("embedder", "e5-small", "e5-*large*"),)
    assert [each.name for each in found.types] == [ALL, "DATE", "PERSON"]
    whole = found.types[0]
    assert whole.overlap.value == pytest.approx(3 / 5)
    # The same three chunks, at ranks 3 to 5 and 1 to 3: the order counts against them.
    assert whole.rbo.value is not None
    assert whole.rbo.value < 3 / 5
    # "Alfred Wegener" became "Charles Darwin" for questions 1 to 29.
    assert whole.answer_changed.value == pytest.approx(29 / 60)
    assert whole.answer_changed.low is not None
    assert found.scores is not None
    assert (found.scores.ks, found.scores.questions) == (1, 60)
    assert found.scores.second_mean - found.scores.first_mean == pytest.approx(-0.3)
    assert {"correct", TOP_SCORE, "correct, PERSON"} <= {each.name for each in found.signals}
    assert found.unsafe


@pytest.mark.slow
def test_alarm_leaves_with_1_and_is_written_as_markdown(
    run: Run, services: Services, baseline: str, changed: str, tmp_path: Path
) -> None:
    file = tmp_path / "certificate.md"
    done = run("stability", "certificate", baseline, changed, "--markdown", str(file), services=services)
    assert done.exit_code == 1
    assert done.stdout.startswith("Alarm: the verdict, Right (p <0.001)")
    assert "embedder e5-small / e5-*large*" in done.stdout
    written = file.read_text(encoding="utf-8")
    assert "e5-\\*large\\*" in written
    assert "| Right, PERSON |" in written
    assert "| all | 60 | 0.600 \\[0.600, 0.600\\] |" in written


def test_certificate_for_programs(run: Run, services: Services, baseline: str, changed: str) -> None:
    data = json.loads(run("stability", "certificate", baseline, changed, "--json", services=services).stdout)
    assert (data["alarm"], "correct" in data["signals"]) == (True, True)
    assert data["types"][0]["overlap"]["value"] == pytest.approx(0.6)
    assert data["comparison"]["verdict"]["outcome"] == "not safe"


@pytest.mark.slow
def test_scores_alone_raise_the_alarm(services: Services, baseline: str) -> None:
    traces(services, "d", score=0.5)
    store(services, "dddd0004", scored("d", wrong=1))
    found = certify_runs(services.evaluations, services.store, baseline, "dddd0004")
    assert [each.name for each in found.signals] == [TOP_SCORE]
    assert headline(found) == f"Alarm: {TOP_SCORE} (p <0.001)."
    assert found.compared.comparison.verdict.outcome == "safe"


@pytest.mark.parametrize(
    ("outcome", "too_few", "words"),
    [
        ("safe", False, "No alarm: safe to ship."),
        ("unknown", True, "Cannot be told: not enough questions."),
        ("unknown", False, "Cannot be told whether it is safe to ship."),
        ("not safe", False, "Cannot be told: the verdict is “not safe”, but no test confirms it."),
    ],
)
@pytest.mark.slow
def test_a_certificate_that_cannot_tell_says_so_and_not_that_there_is_no_alarm(
    services: Services, baseline: str, same: str, outcome: Outcome, too_few: bool, words: str
) -> None:
    found = certify_runs(services.evaluations, services.store, baseline, same)
    verdict = replace(found.compared.comparison.verdict, outcome=outcome, too_few=too_few)
    comparison = replace(found.compared.comparison, verdict=verdict)
    told = replace(found, compared=replace(found.compared, comparison=comparison))
    assert headline(told) == words
    assert ("No alarm" in certificate_text(told) + certificate_markdown(told)) == (outcome == "safe")


@pytest.mark.slow
def test_questions_without_traces_or_that_failed_are_left_out_of_what_needs_them(
    services: Services, baseline: str
) -> None:
    traces(services, "e", questions=8)
    second = scored("e", wrong=1)
    second[0] = make_scored(0, trace_id="e-0", failed=True, correct=False, abstained=True, answer="")
    store(services, "eeee0005", second)
    found = certify_runs(services.evaluations, services.store, baseline, "eeee0005")
    assert (found.untraced, found.types[0].overlap.questions, found.types[0].answer_changed.questions) == (53, 7, 59)
    assert found.scores is None
    assert "Fewer than 10 questions have a chunk in both runs" in certificate_text(found)
    assert "53 questions without a stored trace in both runs" in certificate_markdown(found)


@pytest.mark.parametrize(
    ("second", "complaint"),
    [("ffff", "There is no run 'ffff'"), ("aaaa", "cannot be held against itself"), ("eeee0006", "share no question")],
)
def test_runs_that_cannot_be_compared_are_refused(
    run: Run, services: Services, baseline: str, second: str, complaint: str
) -> None:
    store(services, "eeee0006", [make_scored(1000)])
    done = run("stability", "certificate", baseline, second, services=services)
    assert (done.exit_code, complaint in done.stderr) == (2, True)


def simulate(seed: int, articles: int, each: int, *, drop: float = 0.0) -> Certificate:
    """Two runs of a system that answers by chance, with odds that go with the article; the second less often right by `drop`."""
    draw = np.random.default_rng(seed)
    odds = draw.beta(4, 2, size=articles).repeat(each)
    retrieved: dict[str, Retrieved] = {}

    def answer(run: str, lower: float) -> list[Scored]:
        found = []
        for number, share in enumerate(np.clip(odds - lower, 0, 1)):
            right, in_chunks = draw.random(2) < share
            said: dict[str, Any] = {
                "correct": bool(right),
                "holds_gold": bool(right),
                "answer": "yes" if right else "no",
            }
            place = {
                "gold_rank": int(draw.integers(1, 4)) if in_chunks else None,
                "exact": bool(right and draw.random() < 0.5),
            }
            trace_id, kind = f"{run}-{number}", ("DATE", "PERSON", "FACT")[number % 3]
            found.append(
                make_scored(
                    number,
                    trace_id=trace_id,
                    cluster=f"article {number // each}",
                    type=kind,
                    f1=float(right),
                    **said,
                    **place,
                )
            )
            ids = tuple(f"c{place}" for place in draw.permutation(8)[:5])
            retrieved[trace_id] = Retrieved(ids, float(draw.normal(0.8, 0.05)), {})
        return found

    first, second = answer("a", 0.0), answer("b", drop)
    runs = [StoredRun(name, 0.0, "finished", {"top_k": 5, "questions": len(first)}, len(first)) for name in "ab"]
    compared = ComparedRuns(runs[0], runs[1], compare_runs(first, second))
    return certify(compared, shared_pairs(first, second)[0], retrieved)


@pytest.mark.slow
@pytest.mark.parametrize(("articles", "each", "pairs"), [(9, 6, 120), (6, 20, 60)])
def test_at_most_5_percent_of_runs_of_one_system_raise_an_alarm(articles: int, each: int, pairs: int) -> None:
    found = [simulate(seed, articles, each) for seed in range(pairs)]
    assert np.mean([each.alarm for each in found]) <= 0.05
    # The pairs would tell a certificate that took each test by itself.
    assert np.mean([min(test.p for test in each.tests) < 0.05 for each in found]) > 0.05


@pytest.mark.slow
def test_system_that_answers_worse_is_seen() -> None:
    found = [simulate(seed, 30, 6, drop=0.25) for seed in range(5)]
    assert all(each.alarm and each.unsafe for each in found)
    assert all(each.tests[0].p_adjusted < ALARM_P for each in found)
