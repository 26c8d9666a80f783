"""`raglass stability` and its use case, over a scripted backend."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import app.services
from app.services import Services
from app.shell.main import main
from app.stability.perturbed import ALL_KINDS, StabilityPlan, check_stability, read_kinds
from app.stability.perturbed_words import estimate_words, stability_text
from backends.fake import Script
from backends.local.documents.types import Document
from evaluation.perturbations import KINDS
from evaluation.stability import CONTEXTS
from metrics.queries import TraceQuery
from pipeline.errors import InputError, Throttled

Make = Callable[..., Services]
Run = Callable[..., Result]
TYPES = ("PERSON", "DATE")


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Twelve questions of two types about as many articles; the script answers those about sentence 1 rightly."""
    rows = [
        f'"Who said the famous sentence, version {n}?",{TYPES[n % 2]},Sentence 1 of the script.,article {n}'
        for n in range(12)
    ]
    path = tmp_path / "questions.csv"
    path.write_text("\n".join(["question,type,answer,article", *rows]), encoding="utf-8")
    return path


@pytest.fixture
def run(make_services: Make, monkeypatch: pytest.MonkeyPatch, dataset: Path) -> Run:
    def run_(*arguments: str, script: Script | None = None) -> Result:
        monkeypatch.setattr(app.services, "services", lambda: make_services(script))
        return CliRunner().invoke(main, ["stability", "--dataset", str(dataset), *arguments])

    return run_


def plan(dataset: Path, **changes: Any) -> StabilityPlan:
    return StabilityPlan(**{"dataset": str(dataset), "backend": "fake", "top_k": 5, "deadline_s": 5.0, **changes})


@pytest.mark.slow
def test_tables_are_of_perturbation_and_type(run: Run) -> None:
    done = run("--limit", "10")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0] == "questions.csv: 10 questions of 12, seed 0; fake, 5 chunks"
    assert "10 questions of 12 (--limit sets how many)" in done.stderr
    # The script always finds and says the same.
    (typo,) = (line.split() for line in lines if line.startswith("typo") and "[" in line)
    assert typo == [
        "typo",
        "50",
        *("1.000", "[0.692,", "1.000]"),
        *("1.000", "[0.692,", "1.000]"),
        *("0.000", "[0.000,", "0.308]"),
    ]
    for title in ("overlap@5", "RBO", "answers changed"):
        assert any(line.startswith(title) and line.split()[-3:] == ["all", "DATE", "PERSON"] for line in lines)
    # Contexts are answered from, not found: they have no overlap.
    assert sum(line.startswith("chunk order") for line in lines) == 2


@pytest.mark.slow
def test_json_holds_the_plan_every_cell_and_every_variant(run: Run) -> None:
    done = run("--limit", "0", "--perturb", "case, chunk dropped", "--json", "--seed", "3")
    data = json.loads(done.stdout)
    assert (data["plan"]["kinds"], data["plan"]["seed"], data["questions"], data["asked"]) == (
        ["case", "chunk dropped"],
        3,
        12,
        12,
    )
    assert [(cell["kind"], cell["type"]) for cell in data["cells"]] == [
        (kind, name) for kind in ("case", "chunk dropped") for name in ("all", "DATE", "PERSON")
    ]
    cell = data["cells"][0]
    assert (cell["questions"], cell["measures"]["overlap"]["value"]) == (12, 1.0)
    assert len(data["results"]) == 12
    assert {variant["changed"] for result in data["results"] for variant in result["variants"]} == {False}


def test_failures_are_said_and_leave_with_1(run: Run) -> None:
    down = run(script=Script(failures={"generate": Throttled("Too many questions.")}))
    assert down.exit_code == 1
    assert "5 asks in a row failed" in down.stderr


def test_unknown_perturbation_is_misuse(run: Run) -> None:
    done = run("--perturb", "telepathy")
    assert done.exit_code == 2
    assert "chunk order" in done.stderr


def test_kinds_are_read() -> None:
    assert read_kinds("all") == ALL_KINDS == (*KINDS, *CONTEXTS)
    assert read_kinds("typo, stop words,typo") == ("typo", "stop words")
    with pytest.raises(InputError, match="'smell'"):
        read_kinds("typo,smell")


@pytest.mark.slow
def test_estimate_comes_first_and_closing_stops(make_services: Make, dataset: Path) -> None:
    script = Script(delays_s={"generate": 0.01})
    services = make_services(script)
    steps = check_stability(services.evaluations, plan(dataset, kinds=("case",), limit=None))
    first = next(steps)
    # A question and its two other cases: "Who Said …" and one in capitals, in small letters as well.
    assert (first.results, first.total, first.asks) == ([], 12, 12 * 4)
    assert 0.4 < first.left_s < 5
    assert estimate_words(first).startswith("questions.csv: 12 questions, up to 48 asks, about ")
    second = next(steps)
    assert len(second.results) == 1
    steps.close()
    assert list(steps) == []
    assert "stopped after 1;" in stability_text(plan(dataset), second).splitlines()[0]


def test_corpus_size_and_distractors_come_from_the_backends_corpus(make_services: Make, dataset: Path) -> None:
    services = make_services(corpus=True)
    corpus = services.backends.corpus("fake")
    assert corpus is not None
    for n in range(9):
        corpus.library.add(
            Document(f"far-{n}", f"Far {n}", f"Nothing of note happens in place number {n}.", f"{n}.txt")
        )
    corpus.build()
    *_, last = check_stability(services.evaluations, plan(dataset, kinds=("case", "distractor added"), limit=2))
    variants = [variant for result in last.results for variant in result.variants]
    assert {variant.kind for variant in variants} == {"case", "distractor added"}
    corrected = [v.agreement.corrected for v in variants if v.agreement is not None]
    assert corrected == [pytest.approx(1)] * len(corrected)
    assert corrected
    assert not services.store.page(TraceQuery()).rows
