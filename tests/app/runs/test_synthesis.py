"""Questions written from a backend's documents: kept, stopped, gone on with. The documents are about things that do not exist."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from app.runs.synthesis import SynthesisPlan, SynthesisStep
from app.runs.words import about_words
from app.services import Services
from backends.fake import Script
from backends.local.documents.types import Document
from evaluation.synthesis import checking
from evaluation.synthesis.checking import Verdict
from evaluation.synthesis.drafts import Draft
from pipeline.errors import InputError
from pipeline.prompts import DEFAULT
from pipeline.types import Chunk

Run = Callable[..., Result]

TEXTS = {
    "The Tarn Engine": "The Dutch engineer Pieter Holm invented the Tarn Engine in 1771. "
    "The Tarn Engine was built in Utrecht on 3 May 1772.",
    "Grellows": "A grellow is a wheel that turns a smaller wheel. A grellow turns because water falls on its paddles.",
    "The Grey Mill": "The Grey Mill is about 30 metres high. The Grey Mill was sold to Prussia in 1802.",
}


@pytest.fixture
def services(make_services: Callable[..., Services], monkeypatch: pytest.MonkeyPatch) -> Services:
    """Services whose backend holds TEXTS, with a check that passes what does not ask why."""
    current = make_services(corpus=True)
    corpus = current.backends.corpus("fake", build=False)
    assert corpus is not None
    for title, text in TEXTS.items():
        corpus.library.add(Document(title, title, text, f"{title}.txt"))
    corpus.build()

    def check(draft: Draft, chunk: Chunk, *_: Any) -> Verdict:
        return Verdict(
            "the reader is not sure enough" if draft.type == "REASON" else "", 0.9, hard=draft.type == "FACT"
        )

    monkeypatch.setattr(checking, "check_draft", check)
    monkeypatch.setattr(checking, "open_reader", lambda threads: None)
    return current


def write(services: Services, count: int = 50, stop_after: int | None = None, **plan: Any) -> list[SynthesisStep]:
    stop, steps = threading.Event(), []
    for step in services.synthesis.write(SynthesisPlan("made", "fake", count=count, **plan), stop):
        steps.append(step)
        if len(steps) == stop_after:
            stop.set()
    return steps


def test_what_is_written_is_kept_as_a_synthetic_version(services: Services) -> None:
    last = write(services)[-1]
    assert last.version is not None
    rows = services.evaluations.datasets.rows("made")
    assert {row.article for row in rows} == set(TEXTS)
    assert all(row.synthetic and row.answerable for row in rows)
    assert {row.hard for row in rows if row.type == "FACT"} == {True}
    assert not [row for row in rows if row.type == "REASON"]
    assert last.tally.rejected["the reader is not sure enough"] == 1


def test_work_that_was_stopped_goes_on_and_ends_as_if_it_had_not_been(services: Services) -> None:
    whole = write(services, seed=3)[-1]
    assert whole.version is not None
    expected = services.evaluations.datasets.rows("made")
    services.evaluations.datasets.delete("made")
    first = write(services, stop_after=2, seed=3)
    assert (len(first), first[-1].version, services.evaluations.datasets.names()) == (2, None, [])
    rest = write(services, seed=3)
    assert services.evaluations.datasets.rows("made") == expected
    assert len(rest) == len(write(services, seed=4)) - 2
    assert not list(services.settings.data_dir.glob("datasets/synthesis/*.jsonl"))


def test_a_line_that_a_killed_process_left_half_is_decided_again(services: Services) -> None:
    write(services, stop_after=2)
    [path] = services.settings.data_dir.glob("datasets/synthesis/*.jsonl")
    path.write_text(path.read_text()[:-30])
    assert write(services)[-1].version is not None


def test_work_that_died_between_its_last_decision_and_the_saving_is_saved(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(services.evaluations.datasets, "add", die)
        with pytest.raises(KeyboardInterrupt):
            write(services)
    last = write(services)[-1]
    assert last.version is not None
    assert last.version.questions == len(last.tally.kept) > 3


def test_a_run_over_written_questions_says_so(services: Services) -> None:
    from app.runs.record import RunPlan

    write(services)
    *_, step = services.evaluations.run(RunPlan("made", "fake", 5, 30.0))
    run = services.evaluations.find(step.run_id)
    assert (run.about["name"], run.about["dataset_version"]) == ("made@1", 1)
    assert run.about["fingerprint"] == services.evaluations.datasets.find("made").fingerprint
    assert "All of its questions are synthetic" in " ".join(about_words(run))


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (SynthesisPlan("a/b", "fake"), "cannot be called"),
        (SynthesisPlan("made", "fake", count=0), "ask for 1 to"),
        (SynthesisPlan("made", "fake", "builtin"), "holds no chunk of builtin documents"),
        (SynthesisPlan("made", "fake", writer="model"), "reads no prompt"),
    ],
)
def test_a_plan_that_cannot_be_carried_out_is_refused(services: Services, plan: SynthesisPlan, said: str) -> None:
    with pytest.raises(InputError, match=said):
        list(services.synthesis.write(plan))
    assert services.evaluations.datasets.names() == []


def test_a_backend_without_documents_here_is_refused(make_services: Callable[..., Services]) -> None:
    with pytest.raises(InputError, match="keeps its documents elsewhere"):
        list(make_services().synthesis.write(SynthesisPlan("made", "fake")))


def test_the_shell_writes_and_says_what_was_rejected(run: Run, services: Services) -> None:
    done = run("dataset", "synthesise", "made", "--corpus", "added", "--count", "4", services=services)
    assert done.exit_code == 0, done.stderr
    assert "made@1: 4 of 4 questions kept" in done.stdout
    again = run("dataset", "synthesise", "other", "--count", "90", "--json", services=services)
    told = json.loads(again.stdout)
    assert (told["version"], told["rejected"]["the reader is not sure enough"]) == ("other@1", 1)


def test_decisions_are_on_the_disk_before_they_are_told(services: Services, tmp_path: Path) -> None:
    work = services.synthesis.write(SynthesisPlan("made", "fake"))
    next(work)
    [path] = services.settings.data_dir.glob("datasets/synthesis/*.jsonl")
    assert len([line for line in path.read_text().splitlines() if line]) == 1
    work.close()


def test_a_backends_generator_writes_where_it_is_chosen(
    make_services: Callable[..., Services], services: Services
) -> None:
    reply = "Question: Who invented the Tarn Engine in 1771?\nAnswer: Pieter Holm"
    told = make_services(Script(prompt=DEFAULT, tokens=(reply,)), corpus=True)
    assert told.backends.corpus("fake") is not None
    last = write(told, writer="model")[-1]
    assert last.version is not None
    [row] = told.evaluations.datasets.rows("made")
    assert (row.question, row.answers, row.synthetic) == (
        "Who invented the Tarn Engine in 1771?",
        ("Pieter Holm",),
        True,
    )
    assert "the model's answer does not stand in the chunk" in last.tally.rejected
