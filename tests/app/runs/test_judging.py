"""Runs before a judge: what is judged, kept, gone on with and shown."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from app.runs.judged_words import agreement_rows, judged_words
from app.runs.judging import Judging
from app.runs.record import RunPlan
from app.services import Services
from evaluation.judging import Judgement
from evaluation.runner import MOST_FAILURES
from pipeline.errors import ConfigError, Unavailable
from pipeline.types import Chunk
from tests.app.runs.labelled_file import write_questions
from tests.evaluation.labelled import make_scored

QUESTIONS = 12


class Scripted:
    """A judge that finds every answer right, but for those it is told to fail."""

    name = "scripted"

    def __init__(self, fail: Callable[[int], bool] = lambda number: False) -> None:
        self.asked: list[str] = []
        self._fail = fail

    def judge(self, question: str, golds: Sequence[str], answer: str, chunks: Sequence[Chunk]) -> Judgement:
        self.asked.append(question)
        assert chunks
        if self._fail(len(self.asked)):
            return Judgement.missing("no reply within 30 s")
        return Judgement(True, True, "So it is.")


@pytest.fixture
def run_id(services: Services, tmp_path: Path) -> str:
    """A run of twelve answers, every second of which is right by its labels."""
    path = write_questions(tmp_path / "questions.csv", QUESTIONS)
    *_, step = services.evaluations.run(RunPlan(str(path), "fake", 5, 30.0))
    return step.run_id


@pytest.fixture
def put(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Scripted]:
    """Put a judge in the place of the endpoint."""

    def put_(**given: Any) -> Scripted:
        made = Scripted(**given)
        monkeypatch.setattr(Judging, "open_judge", lambda self: made)
        return made

    return put_


def test_every_answer_is_judged_once_and_kept(services: Services, run_id: str, put: Callable[..., Scripted]) -> None:
    judge = put()
    assert list(services.judging.judge(run_id))[-1] == (QUESTIONS, QUESTIONS)
    whole = services.evaluations.summary(run_id)[0]
    assert (whole.measures["judge: right"].value, whole.measures["judge: right"].questions) == (1.0, QUESTIONS)
    assert whole.measures["correct"].value == 0.5
    assert list(services.judging.judge(run_id)) == [(QUESTIONS, QUESTIONS)]
    assert len(judge.asked) == QUESTIONS


def test_what_could_not_be_judged_is_said_and_tried_again(
    services: Services, run_id: str, put: Callable[..., Scripted]
) -> None:
    put(fail=lambda number: number % 4 == 0)
    list(services.judging.judge(run_id))
    scores = services.evaluations.scores(run_id)
    assert services.evaluations.summary(run_id)[0].measures["judge: right"].questions == 9
    assert "3 × no reply within 30 s" in judged_words(scores)
    judge = put()
    assert list(services.judging.judge(run_id))[-1] == (QUESTIONS, QUESTIONS)
    assert len(judge.asked) == 3


def test_stopping_keeps_what_was_judged(services: Services, run_id: str, put: Callable[..., Scripted]) -> None:
    judge = put()
    steps = services.judging.judge(run_id, sample=6)
    assert [next(steps) for _ in range(4)][-1] == (3, 6)
    steps.close()
    assert len(judge.asked) == 3
    assert list(services.judging.judge(run_id, sample=6))[-1] == (6, 6)
    assert len(judge.asked) == 6


def test_a_judge_that_stops_answering_ends_the_work(
    services: Services, run_id: str, put: Callable[..., Scripted]
) -> None:
    judge = put(fail=lambda number: number > 2)
    with pytest.raises(Unavailable, match="5 answers in a row: no reply within 30 s"):
        list(services.judging.judge(run_id))
    assert len(judge.asked) == 2 + MOST_FAILURES
    assert sum(each.judged_right is not None for each in services.evaluations.scores(run_id)) == 2


def test_without_a_judge_it_is_said_what_to_set(services: Services, run_id: str) -> None:
    assert not services.judging.configured
    with pytest.raises(ConfigError, match="RAGLASS_JUDGE_URL"):
        list(services.judging.judge(run_id))


def test_a_judge_is_opened_by_the_settings_and_its_key_is_masked(make_services: Callable[..., Services]) -> None:
    services = make_services(judge_url="http://localhost:9/v1", judge_model="a-model", judge_key="sk-secret")
    assert services.judging.open_judge().name == services.judging.name == "a-model"
    assert "sk-secret" not in repr(services.settings)


def test_agreement_is_told_in_words_and_counts() -> None:
    scores = [
        make_scored(number, correct=number < 6, judge="a-model", judged_right=number < 5, judged_faithful=True)
        for number in range(10)
    ]
    # Both right 5, labels alone 1, both wrong 4: agreement .9, by chance (5·6 + 5·4)/100 = .5, so κ = .8.
    assert judged_words(scores) == (
        "a-model judged 10 of the 10 answers that it was asked about. It agrees with the labels beyond chance by κ = 0.80 "
        "(1: always, 0: as chance would)."
    )
    assert agreement_rows(scores) == [["Labels: right", "5", "1"], ["Labels: wrong", "0", "4"]]
    assert judged_words([make_scored()]) == ""
    assert "cannot be told" in judged_words([make_scored(judge="m", judged_right=True, judged_faithful=True)])
    assert "cannot be told" not in judged_words([make_scored(judge="m", judge_problem="no reply")])


def test_judging_in_a_shell(
    run: Callable[..., Result], services: Services, run_id: str, put: Callable[..., Scripted]
) -> None:
    missing = run("eval", "judge", "LAST", services=services)
    assert missing.exit_code != 0
    assert "RAGLASS_JUDGE_URL" in missing.stderr
    put()
    some = run("eval", "judge", "LAST", "--sample", "4", services=services)
    assert (some.exit_code, some.stderr) == (0, "")
    assert "scripted judged 4 of the 4 answers" in some.stdout
    told = json.loads(run("eval", "judge", "LAST", "--json", services=services).stdout)
    assert (told["both_right"], told["only_judge"], told["kappa"]) == (6, 6, None)
    assert "Right, says the judge" in run("eval", "show", "LAST", services=services).stdout
