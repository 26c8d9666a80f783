"""Runs: what is asked, what is kept, and how they are gone on with after whatever ended them."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.config import Settings
from app.documents.indexing import Upload
from app.runs.calibrations import answered_by
from app.runs.evaluations import RunStep
from app.runs.record import RunPlan
from app.runs.words import about_words, step_words
from app.services import Services
from app.traces.lookup import find_trace
from backends.fake import Script, ScriptedBackend
from evaluation.runner import MOST_FAILURES
from metrics.queries import TraceQuery
from metrics.runs import RunLog
from metrics.store import TraceStore
from pipeline.errors import ConfigError, InputError, StoreError, Throttled, Unavailable
from pipeline.prompts import DEFAULT, PromptTemplate, recorded_prompt
from pipeline.types import Trace
from tests.app.runs.labelled_file import write_questions

Make = Callable[..., Services]
QUESTIONS = 12


@pytest.fixture
def plan(tmp_path: Path) -> RunPlan:
    """Twelve questions, every second of which is answered right."""
    return RunPlan(str(write_questions(tmp_path / "questions.csv", QUESTIONS)), "fake", 5, 30.0)


def last(steps: Iterable[RunStep]) -> RunStep:
    *_, end = steps
    return end


def asked(services: Services) -> Counter[str]:
    """How often each question was asked, by the stored traces."""
    return Counter(row.question for row in services.store.page(TraceQuery(), limit=500).rows)


def once(count: int = QUESTIONS) -> Counter[str]:
    return Counter(f"Question {number}?" for number in range(count))


@pytest.mark.slow
def test_finished_run_has_a_stored_trace_for_every_answer(services: Services, plan: RunPlan) -> None:
    steps = list(services.evaluations.run(plan))
    assert [step.phase for step in steps] == ["index", *["ask"] * (QUESTIONS + 1)]
    run = services.evaluations.find("LAST")
    assert (run.run_id, run.status, run.answers) == (steps[-1].run_id, "finished", QUESTIONS)
    scores = services.evaluations.scores(run.run_id)
    assert len({scored.question_id for scored in scores}) == QUESTIONS
    for scored in scores:
        trace = find_trace(services.store, scored.trace_id)
        assert (trace.question, trace.generation.answer) == (scored.question, scored.answer)
    assert services.store.page(TraceQuery(origins=frozenset({"run"}))).matched.value == QUESTIONS
    assert sum(scored.correct for scored in scores) == QUESTIONS / 2
    whole, *types = services.evaluations.summary(run.run_id)
    assert whole.measures["correct"].value == 0.5
    assert [each.name for each in types] == ["DATE", "PERSON"]


def test_what_is_needed_to_repeat_a_run_is_recorded(services: Services, plan: RunPlan) -> None:
    drawn = replace(plan, limit=5, seed=3, top_k=2, rerank=True, workers=2)
    last(services.evaluations.run(drawn))
    about = services.evaluations.find("LAST").about
    assert {name: about[name] for name in RunPlan.__slots__} == drawn.to_dict()
    assert (about["name"], about["questions"], about["problems"]) == ("questions.csv", 5, [])
    assert {"fingerprint", "documents_fingerprint", "version"} <= set(about)
    scores = services.evaluations.scores(services.evaluations.find("LAST").run_id)
    settings = [find_trace(services.store, scored.trace_id).settings for scored in scores]
    assert [(each["top_k"], each["rerank"], each["deadline_s"]) for each in settings] == [(2, True, 30.0)] * 5
    assert about["versions"]["raglass"] == about["version"]
    assert {"embedder", "generator", "index", "reranker"} <= set(about)


@pytest.mark.slow
def test_models_and_index_that_answered_are_recorded(tmp_path: Path) -> None:
    services = Services(replace(Settings(), data_dir=tmp_path / "data", threads=1))
    try:
        end = last(services.evaluations.run(RunPlan("builtin", "local/embedded", 2, 30.0, limit=2)))
        about = services.evaluations.find(end.run_id).about
        assert about["index"] == services.backends.corpus("local/embedded").index.manifest.fingerprint
        assert about["embedder"].startswith("intfloat/multilingual-e5-small")
    finally:
        services.close()


@pytest.mark.slow
def test_questions_that_the_corpus_cannot_answer_are_said_and_count_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "mixed.csv"
    path.write_text(
        "question,answer,article\nWhich river flows through Cologne?,Rhine,Rivers of nowhere\n"
        "Who proposed continental drift?,Alfred Wegener,\n"
    )
    services = Services(replace(Settings(), data_dir=tmp_path / "data", threads=1))
    try:
        end = last(services.evaluations.run(RunPlan(str(path), "local/embedded", 2, 30.0)))
        run = services.evaluations.find(end.run_id)
        assert run.answers == 2
        [line] = [line for line in about_words(run) if line.startswith("The corpus cannot answer")]
        assert line.startswith("The corpus cannot answer 1 question, which count all the same")
        assert "(Rivers of nowhere)" in line
        end = last(services.evaluations.run(RunPlan("builtin", "local/embedded", 2, 30.0, limit=2)))
        assert not any("cannot answer" in line for line in about_words(services.evaluations.find(end.run_id)))
    finally:
        services.close()


class BatchBackend(ScriptedBackend):
    """The scripted backend, asked several questions at once."""

    batch_size = 5

    def __init__(self) -> None:
        super().__init__(Script())
        self.batches: list[list[str]] = []

    def answer_batch(
        self, questions: Sequence[str], *, top_k: int, deadline_s: float, rerank: bool = False
    ) -> list[Trace]:
        self.batches.append(list(questions))
        return [self.answer(each, top_k=top_k, deadline_s=deadline_s, rerank=rerank) for each in questions]


@pytest.fixture
def batched(settings: Settings) -> Iterator[tuple[Services, BatchBackend]]:
    backend = BatchBackend()
    services = Services(settings, open_backend=lambda name, config: backend)
    yield services, backend
    services.close()


@pytest.mark.parametrize(("batch", "sizes"), [(None, [5, 5, 2]), (4, [4, 4, 4]), (100, [12]), (1, []), (11, [11])])
def test_questions_are_asked_in_batches_where_the_backend_takes_them(
    batched: tuple[Services, BatchBackend], plan: RunPlan, batch: int | None, sizes: list[int]
) -> None:
    services, backend = batched
    end = last(services.evaluations.run(replace(plan, batch=batch)))
    assert [len(each) for each in backend.batches] == sizes  # one question by itself is asked like any other
    assert (end.progress.done, services.evaluations.find(end.run_id).answers) == (QUESTIONS, QUESTIONS)
    assert asked(services) == once()


def stop_after_a_batch(services: Services, plan: RunPlan) -> str:
    """Start a run and stop it once it has answers; its id."""
    stop = threading.Event()
    for step in services.evaluations.run(plan, stop):
        if step.progress is not None and step.progress.done:
            stop.set()
    return step.run_id


def test_run_stopped_between_batches_is_gone_on_with_and_nothing_is_asked_twice(
    batched: tuple[Services, BatchBackend], plan: RunPlan
) -> None:
    services, backend = batched
    run = services.evaluations.find(stop_after_a_batch(services, plan))
    assert (run.status, run.answers) == ("stopped", 5)
    assert last(services.evaluations.resume(run.run_id)).progress.done == QUESTIONS
    assert asked(services) == once()
    assert [len(each) for each in backend.batches] == [5, 5, 2]


def test_run_of_a_version_that_knew_no_batches_is_gone_on_with_one_question_at_a_time(
    batched: tuple[Services, BatchBackend], plan: RunPlan
) -> None:
    services, backend = batched
    run_id = stop_after_a_batch(services, plan)
    older = {name: value for name, value in services.evaluations.find(run_id).about.items() if name != "batch"}
    services.store.runs.start("01d", older)
    before = len(backend.batches)
    assert last(services.evaluations.resume("01d")).progress.done == QUESTIONS
    assert len(backend.batches) == before


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("how", ["event", "closing"])
@pytest.mark.slow
def test_stopped_run_is_gone_on_with_and_nothing_is_asked_twice(
    make_services: Make, plan: RunPlan, how: str, workers: int
) -> None:
    services, stop = make_services(Script(delays_s={"generate": 0.01})), threading.Event()
    with closing(services.evaluations.run(replace(plan, workers=workers), stop)) as steps:
        for step in steps:
            if step.progress is not None and step.progress.done == 3:
                stop.set()
                if how == "closing":
                    break
    run = services.evaluations.find(step.run_id)
    assert run.status == "stopped"
    assert 3 <= run.answers == asked(services).total() < QUESTIONS
    end = last(services.evaluations.resume(step.run_id))
    assert end.progress is not None
    assert (end.run_id, end.progress.done, end.progress.correct) == (step.run_id, QUESTIONS, QUESTIONS / 2)
    assert services.evaluations.find("LAST").status == "finished"
    assert asked(services) == once()


@pytest.mark.slow
def test_run_asks_with_its_prompt_and_goes_on_with_it(
    make_services: Make, plan: RunPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    services, stop = make_services(Script(prompt=DEFAULT)), threading.Event()
    short = PromptTemplate("short", "{context} {question}")
    told = replace(plan, prompt=short.version, prompt_text=short.text)
    for step in services.evaluations.run(told, stop):
        if step.progress is not None and step.progress.done == 3:
            stop.set()
    last(services.evaluations.resume(step.run_id))
    traces = [services.store.get(each.trace_id) for each in services.evaluations.scores(step.run_id)]
    assert {recorded_prompt(stored.trace.settings) for stored in traces if stored is not None} == {short}
    usual = last(services.evaluations.run(plan))
    compared = services.evaluations.compare(usual.run_id, step.run_id)
    assert ("prompt", DEFAULT.version, short.version) in compared.settings
    assert f"prompt {short.version}" in "\n".join(about_words(services.evaluations.find(step.run_id)))
    assert "prompt" not in "\n".join(about_words(services.evaluations.find(usual.run_id)))


def test_prompt_that_the_backend_does_not_take_leaves_no_run(services: Services, plan: RunPlan) -> None:
    with pytest.raises(InputError, match="reads no prompt"):
        list(services.evaluations.run(replace(plan, prompt=DEFAULT.version)))
    assert services.evaluations.newest() == []


@pytest.mark.slow
def test_run_that_is_going_on_is_not_asked_by_a_second_one_too(
    services: Services, make_services: Make, plan: RunPlan
) -> None:
    elsewhere = make_services()
    steps = services.evaluations.run(plan)
    for step in steps:
        if step.progress is not None and step.progress.done == 3:
            break
    for other in (services, elsewhere):
        with pytest.raises(InputError, match=f"The run {step.run_id} is going on already"):
            next(other.evaluations.resume(step.run_id))
    assert services.evaluations.find(step.run_id).status == "running"
    steps.close()
    last(elsewhere.evaluations.resume(step.run_id))
    assert asked(services) == once()


def test_failed_question_is_asked_again_and_its_answer_takes_the_place_of_the_failure(
    make_services: Make, tmp_path: Path
) -> None:
    script = Script(failures={"generate": Throttled("Slow down.")})
    services = make_services(script)
    few = RunPlan(str(write_questions(tmp_path / "few.csv", MOST_FAILURES - 1)), "fake", 5, 30.0)
    end = last(services.evaluations.run(few))
    assert (end.progress.done, end.progress.failed) == (4, 4)
    assert services.evaluations.summary(end.run_id)[0].failed == 4
    script.failures.clear()
    end = last(services.evaluations.resume(end.run_id))
    assert (end.progress.done, end.progress.failed, end.progress.correct) == (4, 0, 2)
    assert not any(scored.failed for scored in services.evaluations.scores(end.run_id))
    assert asked(services) == Counter({f"Question {number}?": 2 for number in range(4)})


def test_backend_that_is_down_ends_the_run_and_what_was_answered_stays(make_services: Make, plan: RunPlan) -> None:
    script = Script()
    services = make_services(script)
    steps = services.evaluations.run(plan)
    while (progress := next(steps).progress) is None or progress.done < 4:
        pass
    script.failures["generate"] = Unavailable("The endpoint is gone.")
    with pytest.raises(Unavailable, match=r"5 questions in a row failed; the run stopped. The endpoint is gone."):
        list(steps)
    run = services.evaluations.find("LAST")
    assert (run.status, run.answers) == ("failed", 4 + MOST_FAILURES)
    script.failures.clear()
    assert last(services.evaluations.resume(run.run_id)).progress.correct == QUESTIONS / 2
    assert services.evaluations.find("LAST").status == "finished"


@pytest.mark.parametrize(("owner", "method"), [(TraceStore, "put_all"), (RunLog, "keep")])
def test_store_that_cannot_be_written_ends_the_run_and_what_was_kept_stays(
    services: Services, plan: RunPlan, monkeypatch: pytest.MonkeyPatch, owner: type, method: str
) -> None:
    kept, write = [], getattr(owner, method)

    def fail(*arguments: object) -> Any:
        if len(kept) == 3:
            raise StoreError("The disk is full. Free some space.")
        kept.append(arguments)
        return write(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(owner, method, fail)
        with pytest.raises(StoreError, match=r"The disk is full. Free some space."):
            list(services.evaluations.run(plan))
    run = services.evaluations.find("LAST")
    assert (run.status, run.answers) == ("failed", 3)
    last(services.evaluations.resume(run.run_id))
    assert services.evaluations.find("LAST").answers == QUESTIONS


def test_status_that_cannot_be_stored_is_logged_and_hides_nothing(
    services: Services, plan: RunPlan, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise StoreError("The disk is full.")

    monkeypatch.setattr(RunLog, "set_status", fail)
    assert last(services.evaluations.run(plan)).progress.done == QUESTIONS
    assert "is finished, which could not be stored: The disk is full." in caplog.text


@pytest.mark.parametrize(
    ("before", "after"),
    [("Wegener", "Hess"), ("Wegener did.", "Hess did.")],
    ids=["another label", "another text under the same title"],
)
def test_run_is_not_gone_on_with_over_another_dataset(
    services: Services, tmp_path: Path, before: str, after: str
) -> None:
    path = tmp_path / "questions.csv"
    path.write_text("question,answer,context,article\nWho?,Wegener,Wegener did.,Drift\n")
    end = last(services.evaluations.run(RunPlan(str(path), "fake", 5, 30.0)))
    path.write_text(path.read_text().replace(before, after, 1))
    with pytest.raises(InputError, match=f"another one than when run {end.run_id} was started. Start a new run"):
        list(services.evaluations.resume(end.run_id))
    assert services.evaluations.find("LAST").status == "finished"


def test_dataset_is_found_again_from_another_folder(
    services: Services, plan: RunPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    end = last(services.evaluations.run(replace(plan, dataset="questions.csv")))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert last(services.evaluations.resume(end.run_id)).progress.done == QUESTIONS


def test_backend_that_cannot_be_opened_leaves_no_run_behind(services: Services, plan: RunPlan) -> None:
    with pytest.raises(ConfigError, match="no backend 'cloud'"):
        list(services.evaluations.run(replace(plan, backend="cloud")))
    assert services.evaluations.newest() == []


def test_run_without_answers_has_no_summary_and_says_what_to_do(services: Services, plan: RunPlan) -> None:
    with closing(services.evaluations.run(plan)) as steps:
        run_id = next(steps).run_id
    with pytest.raises(InputError, match=f"raglass eval resume {run_id}"):
        services.evaluations.summary(run_id)


def test_dataset_that_cannot_be_asked_starts_no_run(services: Services, plan: RunPlan) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        list(services.evaluations.run(replace(plan, dataset="gone.csv")))
    assert services.evaluations.newest() == []


def test_documents_of_a_dataset_on_a_backend_that_keeps_its_own_are_said_to_be_taken_for_granted(
    services: Services, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "own.csv"
    path.write_text("question,answer,context\nWho?,Sentence 1,Sentence 1 it was.\n")
    assert last(services.evaluations.run(RunPlan(str(path), "fake", 5, 30.0))).progress.correct == 1
    assert "fake keeps its documents elsewhere; those of own.csv are taken to be among them" in caplog.text


@pytest.mark.slow
def test_dataset_with_documents_is_asked_over_an_index_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "rivers.csv"
    path.write_text(
        "question,answer,context\n"
        "Which river flows through Cologne?,Rhine,The Rhine flows through Cologne.\n"
        "Which river flows through Hamburg?,Elbe,The Elbe flows through Hamburg.\n"
        "Which river flows through Vienna?,Danube,The Danube flows through Vienna.\n"
    )
    services = Services(replace(Settings(), data_dir=tmp_path / "data", builtin_corpus=False, threads=1))
    usual = tmp_path / "drift.txt"
    usual.write_text("Alfred Wegener proposed in 1912 that continents drift.")
    try:
        corpus = services.backends.corpus("local/embedded")
        services.indexing.start(corpus, [Upload("drift.txt", usual.read_bytes())]).wait(60)
        before = corpus.state()
        stop = threading.Event()
        stop.set()
        steps = list(services.evaluations.run(RunPlan(str(path), "local/embedded", 5, 30.0), stop))
        assert steps[-1].progress is None or steps[-1].progress.done == 0
        assert step_words(steps[0]) == "Opening the backend …"
        assert any(step.indexing is not None for step in steps)
        assert (services.evaluations.find("LAST").status, services.evaluations.find("LAST").answers) == ("stopped", 0)
        end = last(services.evaluations.resume("LAST"))
        assert (end.progress.done, end.progress.correct) == (3, 3)
        scores = services.evaluations.scores(end.run_id)
        assert {scored.gold_rank for scored in scores} == {1}
        titles = {chunk.title for scored in scores for chunk in find_trace(services.store, scored.trace_id).chunks}
        assert {title.split()[1] for title in titles} == {"Rhine", "Elbe", "Danube"}
        assert corpus.state() == before
        assert before.added_documents == 1
        assert services.asking.ask(services.asking.question("Who proposed drift?")).trace.chunks[0].title == "drift"
        # Gone on with, it needs no second index, and asks nothing again.
        assert last(services.evaluations.resume(end.run_id)).progress.done == 3
    finally:
        services.close()


def calibrated(services: Services, tmp_path: Path) -> Trace:
    """Calibrate on a run of 80 questions, half of them right; the trace of one of them."""
    path = write_questions(tmp_path / "many.csv", 80)
    end = last(services.evaluations.run(RunPlan(str(path), "fake", 5, 30.0)))
    found = services.calibrations.fit(end.run_id)
    assert (found.run_id, found.backend, found.kind) == (end.run_id, "fake", "calibrated")
    assert (found.fitted, found.reported) == (40, 40)
    return find_trace(services.store, services.evaluations.scores(end.run_id)[0].trace_id)


@pytest.mark.slow
def test_calibration_speaks_for_what_answered_and_for_nothing_else(services: Services, tmp_path: Path) -> None:
    trace = calibrated(services, tmp_path)
    found = services.calibrations.of(trace)
    assert found is not None
    assert found.qualities[2].ece < found.qualities[1].ece  # 0.8 promised, half of them right
    for changes in ({"generator": "other"}, {"embedder": "other"}):
        other = replace(trace, settings={**trace.settings, **changes})
        assert services.calibrations.of(other) is None
    assert services.calibrations.of(replace(trace, backend="other")) is None


def test_a_run_can_be_calibrated_on_for_what_answered_it_and_for_nothing_else(
    services: Services, tmp_path: Path
) -> None:
    assert not services.calibrations.has_runs()
    path = write_questions(tmp_path / "few.csv", 2)
    end = last(services.evaluations.run(RunPlan(str(path), "fake", 5, 30.0)))
    trace = find_trace(services.store, services.evaluations.scores(end.run_id)[0].trace_id)
    assert services.calibrations.has_runs()
    assert services.calibrations.run_to_fit(trace).run_id == end.run_id
    fewer = last(services.evaluations.run(RunPlan(str(path), "fake", 5, 30.0, limit=1)))
    assert fewer.run_id != end.run_id
    assert services.calibrations.run_to_fit(trace).run_id == end.run_id
    assert services.calibrations.run_to_fit(replace(trace, settings={**trace.settings, "embedder": "other"})) is None


@pytest.mark.slow
def test_calibration_that_cannot_be_read_is_none_and_logged(
    services: Services, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trace = calibrated(services, tmp_path)
    services.store.runs.keep_calibration(answered_by(trace), "aaaa1111", {"recalibration": "x"})
    assert services.calibrations.of(trace) is None
    assert "no calibration: The stored calibration cannot be read" in caplog.text


def test_run_without_an_answer_cannot_be_calibrated(make_services: Make, plan: RunPlan) -> None:
    services = make_services(Script(failures={"generate": Throttled("Slow down.")}))
    with pytest.raises(Unavailable):
        list(services.evaluations.run(plan))
    with pytest.raises(InputError, match="has no answer to calibrate on"):
        services.calibrations.fit("LAST")


class Named(ScriptedBackend):
    """A scripted backend that says which generator answered."""

    generator = "first"

    def answer(self, question: str, **given: Any) -> Trace:
        trace = super().answer(question, **given)
        return replace(trace, settings={**trace.settings, "generator": self.generator})


def test_run_is_not_gone_on_with_over_another_system(services: Services, plan: RunPlan) -> None:
    named = Named(Script())
    services.backends._opened["fake"] = named
    stop = threading.Event()
    for step in services.evaluations.run(plan, stop):
        if step.progress is not None and step.progress.done == 2:
            stop.set()
    named.generator = "second"
    with pytest.raises(InputError, match="generator was first; it is second now"):
        last(services.evaluations.resume("LAST"))
    run = services.evaluations.find("LAST")
    assert (run.answers, run.status) == (2, "failed")
    named.generator = "first"
    assert last(services.evaluations.resume("LAST")).progress.done == QUESTIONS


def test_what_is_right_about_a_runs_trace_is_known_to_its_explanation(services: Services, plan: RunPlan) -> None:
    last(services.evaluations.run(replace(plan, limit=2)))
    [first, _] = services.evaluations.scores(services.evaluations.find("LAST").run_id)
    gold = services.explanations.gold_of(first.trace_id)
    assert gold is not None
    assert (gold.answers, gold.article) == (first.golds, first.article)
    assert first.golds
    assert services.explanations.gold_of("f" * 32) is None
    assert services.explanations.label_of(first.trace_id) == ""
    run_id = services.evaluations.find("LAST").run_id
    last(services.evaluations.label(run_id))
    assert services.explanations.label_of(first.trace_id) == services.evaluations.scores(run_id)[0].label
    assert services.explanations.label_of(first.trace_id)
