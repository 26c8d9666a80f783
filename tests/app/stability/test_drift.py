"""`raglass stability questions` and `index`, over stored traces and corpora that cost nothing to embed."""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from click.testing import Result

from app.alerting.rules import Rule
from app.config import Settings
from app.services import Services
from app.stability.drift import (
    FEWEST,
    QuestionPlan,
    check_questions,
    split_by_time,
    window_verdicts,
)
from app.stability.drift_words import indexes_text, questions_text
from app.stability.index_drift import compare_embedders, compare_folders
from backends.fake import ScriptedBackend
from backends.local.documents.types import Document
from backends.local.profiles import open_corpus
from backends.registry import BackendConfig
from evaluation.drift import FEWEST_QUESTIONS
from pipeline.errors import ConfigError, InputError, Unavailable
from tests.factories import make_chunk, make_trace
from tests.foreign import make_foreign_trace
from tests.local.fake_embedder import FakeEmbedder

Run = Callable[..., Result]

DAY_S, START_S = 86_400.0, 1_757_000_000.0
GEOLOGY = ["which", "continent", "plate", "ocean", "ridge", "mantle", "crust", "volcano", "fault", "drift", "rift"]
KITCHEN = ["how", "long", "must", "bread", "dough", "rise", "before", "baking", "in", "a", "warm", "oven"]


class Unlike(FakeEmbedder):
    """An embedder whose vectors have nothing to do with those of FakeEmbedder."""

    def _direction(self, word: str) -> npt.NDArray[np.float64]:
        return super()._direction(f"unlike {word}")


class Holding(ScriptedBackend):
    """The scripted backend with a real corpus beside it, laid out as the local profiles do."""

    def __init__(self, name: str, config: BackendConfig, embedder: FakeEmbedder) -> None:
        super().__init__(name=name)
        config.data_dir.mkdir(parents=True, exist_ok=True)
        self.corpus = open_corpus(replace(config, builtin_corpus=False), embedder, with_sentences=False)


def open_backend(name: str, config: BackendConfig) -> ScriptedBackend:
    if name == "remote":
        return ScriptedBackend(name=name)
    embedders = {"local/embedded": FakeEmbedder(), "local/copy": FakeEmbedder("copy"), "local/unlike": Unlike("unlike")}
    if name not in embedders:
        raise ConfigError(f"There is no backend {name!r}.")
    return Holding(name, config, embedders[name])


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    current = make_services(tmp_path / "data")
    yield current
    current.close()


def make_services(folder: Path) -> Services:
    return Services(replace(Settings(), data_dir=folder, backend="local/embedded"), open_backend=open_backend)


def add_documents(services: Services, documents: int, backends: tuple[str, ...] = ("local/embedded",)) -> None:
    for name in backends:
        backend = services.backends.open(name)
        assert isinstance(backend, Holding)
        for n in range(documents):
            words = random.Random(n).choices(GEOLOGY, k=12)
            backend.corpus.library.add(
                Document(f"d{n}", f"Title {n}", f"Text {n} about {' '.join(words)}.", f"{n}.txt")
            )
        backend.corpus.build()


def ask(
    services: Services, words: list[str], count: int, *, day: int, score: float = 0.8, backend: str = "local/embedded"
) -> None:
    draw = random.Random(f"{day} {words[0]}")
    for n in range(count):
        chunk = make_chunk(score=score + draw.uniform(-0.05, 0.05))
        services.store.put(
            make_trace(
                backend=backend,
                question=" ".join(draw.choices(words, k=5)),
                asked_at=START_S + day * DAY_S + n,
                chunks=(chunk,),
            )
        )


@pytest.mark.slow
def test_other_questions_and_scores_are_found_in_the_windows_they_came_in(services: Services) -> None:
    ask(services, GEOLOGY, 60, day=0)
    ask(services, GEOLOGY, 20, day=1)
    ask(services, KITCHEN, 20, day=2, score=0.6)
    told: list[tuple[int, int]] = []
    plan = QuestionPlan("local/embedded", window=20, until=START_S + DAY_S)
    found = check_questions(services.store, services.backends.corpus, plan, lambda *at: told.append(at))
    before, after = found.windows
    assert (found.reference.questions, before.stretch.questions, after.stretch.questions) == (60, 20, 20)
    assert (before.drift.drifted, after.drift.drifted) == (False, True)
    assert before.drift.mmd2 < found.level < after.drift.mmd2
    assert after.drift.ks == 1
    assert after.drift.psi > 2 * before.drift.psi
    assert after.stretch.first_at == START_S + 2 * DAY_S
    assert told[-1][0] == told[-1][1] > 50


@pytest.mark.slow
def test_windows_tell_a_watcher_which_drifted_and_an_alert_is_raised_by_the_newest(services: Services) -> None:
    ask(services, GEOLOGY, 60, day=0)
    ask(services, GEOLOGY, 20, day=1)
    services.alarms.save(Rule("drift", "drift", 0.05, "below", "local/embedded", for_s=0, minimum=10))
    ask(services, KITCHEN, 20, day=2, score=0.6)
    plan = QuestionPlan("local/embedded", window=20, until=START_S + DAY_S)
    [before, after] = window_verdicts(check_questions(services.store, services.backends.corpus, plan))
    assert (before[0], after[0]) == (START_S + DAY_S + 19, START_S + 2 * DAY_S + 19)
    assert (before[1] < 0.05, after[1] < 0.05) == (False, True)
    assert (before[2], after[2]) == (20, 20)
    services.alarms.look()
    assert [alert.rule for alert in services.alarms.opened()] == ["drift"]


@pytest.mark.slow
def test_questions_alone_may_drift_and_scores_alone_may(services: Services) -> None:
    ask(services, GEOLOGY, 60, day=0)
    ask(services, KITCHEN, 20, day=1)
    ask(services, GEOLOGY, 20, day=2, score=0.6)
    found = check_questions(
        services.store, services.backends.corpus, QuestionPlan("local/embedded", window=20, until=START_S + DAY_S)
    )
    worded, scored = (each.drift for each in found.windows)
    assert worded.mmd_p_adjusted < 0.05 < worded.ks_p_adjusted
    assert scored.ks_p_adjusted < 0.05 < scored.mmd_p_adjusted


def foreign(services: Services, words: list[str], count: int, *, day: int, **lacking: object) -> None:
    draw = random.Random(f"{day} {words[0]}")
    for n in range(count):
        trace = make_foreign_trace(
            day * 1_000 + n, question=" ".join(draw.choices(words, k=5)), asked_at=START_S + day * DAY_S + n, **lacking
        )
        services.store.put(trace)


@pytest.mark.slow
def test_questions_of_another_application_drift_without_scores_chunks_or_an_embedder_of_its_own(
    services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    foreign(services, GEOLOGY, 40, day=1)
    foreign(services, KITCHEN, 20, day=2, chunks=())
    services.store.put(make_foreign_trace(9_999, question=""))
    found = check_questions(
        services.store, services.backends.corpus, QuestionPlan("otlp/shop", window=20, until=START_S + 2 * DAY_S)
    )
    (window,) = found.windows
    assert (window.drift.drifted, window.drift.ks, window.drift.ks_p_adjusted, window.drift.psi) == (
        True,
        None,
        None,
        None,
    )
    assert (found.left_out, found.embedder) == (1, services.backends.corpus("local/embedded").embedder)
    words = questions_text(found)
    assert "shop, another application" in words
    assert "Left out: 1 trace without a question" in words
    assert "Scores are not compared" in words
    assert "None" not in words
    assert "cannot embed" not in caplog.text


@pytest.mark.slow
def test_scores_of_another_application_are_compared_where_each_question_has_one(services: Services) -> None:
    foreign(services, GEOLOGY, 60, day=1)
    found = check_questions(services.store, services.backends.corpus, QuestionPlan("otlp/shop", window=30))
    assert [each.drift.ks for each in found.windows] == [0]


@pytest.mark.slow
def test_like_questions_have_not_drifted_and_the_newest_half_is_looked_at(services: Services) -> None:
    ask(services, KITCHEN, 40, day=0)
    ask(services, GEOLOGY, 200, day=1)
    found = check_questions(
        services.store, services.backends.corpus, QuestionPlan("local/embedded", newest=200, window=30)
    )
    assert (found.reference.questions, [each.stretch.questions for each in found.windows]) == (100, [33, 34, 33])
    assert found.drifted == ()
    assert found.reference.first_at >= START_S + DAY_S


@pytest.mark.slow
def test_traces_without_a_chunk_are_left_out_and_counted(services: Services) -> None:
    ask(services, GEOLOGY, 30, day=0)
    services.store.put(make_trace(chunks=(), asked_at=START_S + 10 * DAY_S))
    found = check_questions(services.store, services.backends.corpus, QuestionPlan("local/embedded", window=10))
    assert (found.left_out, found.reference.questions) == (1, 15)
    assert "Left out: 1 trace without a chunk" in questions_text(found)


@pytest.mark.parametrize(("asked", "enough"), [(FEWEST - 1, False), (FEWEST, True)])
def test_too_few_traces_are_refused_with_how_many_are_needed(services: Services, asked: int, enough: bool) -> None:
    ask(services, GEOLOGY, asked, day=0)
    plan = QuestionPlan("local/embedded")
    if enough:
        assert len(check_questions(services.store, services.backends.corpus, plan).windows) == 1
    else:
        with pytest.raises(InputError, match=f"{asked} stored questions .* at least {FEWEST} are needed"):
            check_questions(services.store, services.backends.corpus, plan)


def test_date_that_leaves_one_side_too_few_says_how_many_each_has(services: Services) -> None:
    ask(services, GEOLOGY, 40, day=0)
    with pytest.raises(InputError, match="40 of them before the date given and 0 after it"):
        check_questions(services.store, services.backends.corpus, QuestionPlan("local/embedded", until=START_S + DAY_S))


def test_windows_are_of_equal_count_and_lose_no_question(services: Services) -> None:
    traces = [make_trace(asked_at=float(n)) for n in range(157)]
    reference, windows = split_by_time(traces, QuestionPlan("b", window=20))
    assert [each.asked_at for each in [*reference, *(t for w in windows for t in w)]] == [float(n) for n in range(157)]
    assert {len(window) for window in windows} <= {26, 27}
    with pytest.raises(InputError):
        check_questions(services.store, services.backends.corpus, QuestionPlan("b", window=FEWEST_QUESTIONS - 1))


@pytest.mark.slow
def test_questions_of_a_backend_that_is_gone_or_elsewhere_are_embedded_here(services: Services) -> None:
    for name in ("gone", "remote"):
        ask(services, GEOLOGY, 40, day=0, backend=name)
        found = check_questions(services.store, services.backends.corpus, QuestionPlan(name, window=20))
        assert (found.backend, found.embedder) == (name, "fake")


def test_no_embedder_at_all_is_said(tmp_path: Path) -> None:
    def refuse(name: str, config: BackendConfig) -> ScriptedBackend:
        raise Unavailable("Broken.")

    broken = Services(replace(Settings(), data_dir=tmp_path / "data"), open_backend=refuse)
    ask(broken, GEOLOGY, 40, day=0)
    with pytest.raises(Unavailable, match="cannot be embedded here"):
        check_questions(broken.store, broken.backends.corpus, QuestionPlan("local/embedded"))
    broken.close()


def test_backend_without_questions_is_refused_with_those_that_have_some(services: Services) -> None:
    ask(services, GEOLOGY, 3, day=0)
    with pytest.raises(InputError, match=r"No question to remote is stored\. There are questions to: local/embedded"):
        check_questions(services.store, services.backends.corpus, QuestionPlan("remote"))


@pytest.mark.parametrize("origin", ["run", "load"])
def test_backend_that_only_runs_or_load_tests_have_asked_says_so(services: Services, origin: str) -> None:
    services.store.put(make_trace(backend="local/embedded", origin=origin))
    with pytest.raises(InputError, match="Only runs or load tests have asked local/embedded"):
        check_questions(services.store, services.backends.corpus, QuestionPlan("local/embedded"))


@pytest.mark.slow
def test_drift_of_questions_in_the_shell(run: Run, services: Services) -> None:
    ask(services, GEOLOGY, 40, day=0)
    quiet = run("stability", "questions", "--window", "20", services=services)
    assert (quiet.exit_code, quiet.stdout.startswith("No drift in 1 window: local/embedded")) == (0, True), quiet.output
    ask(services, KITCHEN, 40, day=3, score=0.5)
    loud = run("stability", "questions", "--window", "20", "--until", "2025-09-05", services=services)
    assert loud.exit_code == 1
    assert loud.stdout.startswith("2 of 2 windows drifted")
    assert loud.stdout.count(" drifted\n") == 2
    data = json.loads(run("stability", "questions", "--window", "20", "--json", services=services).stdout)
    assert [each["drifted"] for each in data["windows"]] == [data["drifted"]] * 2 == [True] * 2
    none = run("stability", "questions", "--backend", "nobody", services=services)
    assert (none.exit_code, "No question to nobody" in none.stderr) == (2, True)


def test_index_over_changed_documents_keeps_the_vectors_of_those_in_both(services: Services, tmp_path: Path) -> None:
    add_documents(services, 30)
    other = make_services(tmp_path / "other")
    add_documents(other, 33)
    other.close()
    found = compare_folders(services.backends.corpus, "local/embedded", tmp_path / "other")
    assert (found.drift.shared, found.drift.added, found.drift.removed) == (30, 3, 0)
    assert found.drift.neighbour_overlap == 1
    assert found.drift.centroid_shift == pytest.approx(0, abs=1e-6)
    assert "30 in both, 3 only in the second, 0 only in the first" in indexes_text(found)


@pytest.mark.slow
def test_index_that_another_embedder_made_is_compared_too(services: Services, tmp_path: Path) -> None:
    add_documents(services, 40)
    other = make_services(tmp_path / "other")
    add_documents(other, 40, ("local/unlike",))
    other.close()
    found = compare_folders(services.backends.corpus, "local/embedded", tmp_path / "other")
    assert (found.second.embedder, found.drift.shared) == ("unlike", 40)
    assert found.drift.neighbour_overlap < 0.9
    assert found.drift.procrustes_residual > 0.01


@pytest.mark.slow
def test_embedders_are_compared_over_the_same_chunks(services: Services) -> None:
    add_documents(services, 40, ("local/embedded", "local/copy", "local/unlike"))
    told: list[tuple[int, int]] = []
    same = compare_embedders(
        services.backends.corpus, "local/embedded", "local/copy", chunks=25, on_progress=lambda *at: told.append(at)
    )
    assert (same.compared, same.drift.neighbour_overlap, told[-1]) == (25, 1, (50, 50))
    assert same.drift.cka == pytest.approx(1, abs=1e-4)
    unlike = compare_embedders(services.backends.corpus, "local/embedded", "local/unlike", chunks=25)
    assert unlike.drift.neighbour_overlap < 0.95
    assert unlike.drift.cka < 0.99


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "Give either --other-backend or --other-data-dir."),
        (["--other-backend", "remote"], "remote keeps its vectors elsewhere"),
        (["--other-backend", "local/embedded"], "cannot be held against itself"),
        (["--other-backend", "gone"], "There is no backend 'gone'"),
        (["--other-data-dir", "."], "holds no index"),
    ],
)
def test_indexes_that_cannot_be_compared_are_refused(
    run: Run, services: Services, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: list[str], complaint: str
) -> None:
    monkeypatch.chdir(tmp_path)
    add_documents(services, 5)
    done = run("stability", "index", *arguments, services=services)
    assert done.exit_code in (1, 2)
    assert complaint in done.stderr


def test_index_drift_in_the_shell(run: Run, services: Services) -> None:
    add_documents(services, 20, ("local/embedded", "local/copy"))
    done = run("stability", "index", "--other-backend", "local/copy", services=services)
    assert done.exit_code == 0
    assert "20 chunks compared, embedded by both for this" in done.stdout
    assert "neighbours kept      1.000" in done.stdout
    data = json.loads(run("stability", "index", "--other-backend", "local/copy", "--json", services=services).stdout)
    assert data["drift"]["neighbour_overlap"] == 1
