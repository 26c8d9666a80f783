"""The use cases about runs: start one, go on with one, sum one up, calibrate on one. Without streamlit.

Owns which corpus a dataset is asked over. Refuses to format anything.
"""

import logging
import secrets
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.permitting.acting import record, require
from app.permitting.roles import Role
from app.runs.compared import ComparedRuns, compare_stored
from app.runs.datasets import Datasets
from app.runs.feedback import MARK, FeedbackDataset, read_feedback
from app.runs.figures import FIGURES, fill_figures
from app.runs.indexing import index_documents
from app.runs.question_types import QuestionTypes
from app.runs.record import (
    ANSWERED_WITH,
    TYPES,
    RunPlan,
    check_explainable,
    check_resumable,
    describe_run,
    describe_system,
    describe_uncovered,
)
from app.runs.several import ComparedSeveral, compare_stored_several
from app.runs.uploads import keep_dataset
from backends.local.protocols import HoldsCorpus
from backends.registry import BackendConfig
from evaluation.coverage import find_uncovered
from evaluation.datasets import Dataset, load_dataset, settle
from evaluation.labelling import choose_unlabelled, label_answer
from evaluation.runner import RunProgress, run_questions
from evaluation.scoring import Scored
from evaluation.summary import Summary, headline_figures, summarise
from evaluation.typed_questions import count_types
from evaluation.verdict import MAX_DROP
from metrics.queries import TraceQuery
from metrics.runs import Status, StoredRun
from metrics.store import TraceStore
from pipeline.errors import InputError, StoreError
from pipeline.locks import held_alone
from pipeline.prompts import asking_as_recorded, asking_with
from pipeline.protocols import Backend, BatchAnswerer
from pipeline.types import Setting, Trace

if TYPE_CHECKING:
    from app.documents.job import JobState

log = logging.getLogger(__name__)

STARTED = "started a run"
"""What is noted of a run's beginning."""


@dataclass(frozen=True, slots=True)
class RunStep:
    """Where a run is."""

    run_id: str
    """Its id."""
    phase: str
    """`index` while a dataset's documents are indexed, then `ask`."""
    progress: RunProgress | None
    """While asking."""
    indexing: "JobState | None" = None
    """While documents are indexed."""


class Evaluations:
    """Runs over datasets."""

    def __init__(
        self,
        backend: Callable[[str], Backend],
        open_backend: Callable[[str, BackendConfig], Backend],
        config: Callable[[], BackendConfig],
        store: Callable[[], TraceStore],
        keep: Callable[[Sequence[Trace]], str | None],
    ) -> None:
        """backend: an open one by name. open_backend: another one, over a dataset's own documents. keep: stores traces; why not."""
        self._backend, self._open_backend, self._config = backend, open_backend, config
        self._store, self._keep = store, keep
        self.datasets = Datasets(config().data_dir / "datasets" / "kept")
        self.types = QuestionTypes(lambda: config().data_dir)

    def count(self, plan: RunPlan) -> int:
        """Questions that a run will ask. Raises InputError for a dataset that cannot be asked."""
        return len(load_dataset(self.datasets.resolve(plan.dataset)).draw(plan.limit, plan.seed).questions)

    def run(
        self,
        plan: RunPlan,
        stop: threading.Event | None = None,
        *,
        backend: Backend | None = None,
        about: Mapping[str, Any] | None = None,
    ) -> Generator[RunStep, None, None]:
        """Start a run, and yield where it is after each answer. Takes an editor.

        Raises InputError for a dataset that cannot be asked, NotPermitted.

        backend: what answers in place of the one that the plan names; it has its documents. about: noted of the run, JSON-ready.
        """
        require(Role.EDITOR)
        plan = replace(plan, dataset=settle(self.datasets.resolve(plan.dataset)))
        dataset = load_dataset(plan.dataset).draw(plan.limit, plan.seed)
        if backend is None:
            asking_with(self._backend(plan.backend), plan.template)  # so that a mistyped one leaves no run behind
        typed = self.types.of(dataset)
        run_id = secrets.token_hex(4)
        with self._alone(run_id):
            self._store().runs.start(run_id, {**describe_run(plan, dataset, typed), **(about or {})})
            record(STARTED, run_id)
            yield from self._go(run_id, plan, self.types.fill(dataset), [], stop, backend)

    def resume(
        self, run_id: str, stop: threading.Event | None = None, *, backend: Backend | None = None
    ) -> Generator[RunStep, None, None]:
        """Go on with a run: what was answered stays, what failed is asked again. backend: as for `run`. Takes an editor.

        Raises InputError where its dataset has changed, where it is a cell that only its study can go on with, and while somebody else is
        at it, in this process or another.
        """
        require(Role.EDITOR)
        run, plan, dataset = self._recorded(run_id)
        if backend is None:
            check_resumable(run.run_id, run.about)
        with self._alone(run.run_id):
            done = [scored for scored in self.scores(run.run_id) if not scored.failed]
            self._store().runs.set_status(run.run_id, "running")
            record("went on with a run", run.run_id)
            yield from self._go(run.run_id, plan, self.types.fill(dataset), done, stop, backend)

    def label(
        self, run_id: str, *, sample: int | None = None, stop: threading.Event | None = None
    ) -> Generator[tuple[int, int], None, None]:
        """Explain answers of a run and keep the failure label of each; yields how many are labelled, and of how many. Takes an editor.

        sample: answers to draw; None for all. What was labelled stays, so that it can be stopped and gone on with.
        Raises InputError where the dataset has changed, and for a cell that a study put together itself.
        """
        require(Role.EDITOR)
        run, plan, dataset = self._recorded(run_id)
        check_explainable(run.run_id, run.about)
        record("explained the answers of a run", run.run_id)
        scores = self.scores(run.run_id)
        todo = choose_unlabelled(scores, sample)
        questions = {question.question_id: question for question in dataset.questions}
        with self.opened_for(plan.backend, dataset) as backend:

            def work(scored: Scored, trace: Trace | None) -> Scored:
                asked = backend if trace is None else asking_as_recorded(backend, trace.settings)
                return label_answer(scored, questions[scored.question_id], trace, asked)

            yield from self.rescore(run.run_id, todo, min(len(scores), sample or len(scores)), work, stop)

    def rescore(
        self,
        run_id: str,
        todo: Sequence[Scored],
        whole: int,
        work: Callable[[Scored, Trace | None], Scored],
        stop: threading.Event | None,
    ) -> Generator[tuple[int, int], None, None]:
        """Do the work on each answer and keep what comes of it; yields how many of the whole are done."""
        yield whole - len(todo), whole
        for place, scored in enumerate(todo, start=1):
            if stop is not None and stop.is_set():
                return
            stored = self._store().get(scored.trace_id)
            self._keep_scores(run_id, [work(scored, None if stored is None else stored.trace)])
            yield whole - len(todo) + place, whole

    def dataset_of(self, run_id: str) -> Dataset:
        """What a run asks, types as the dataset has them. Raises InputError where it is another dataset by now."""
        return self._recorded(run_id)[2]

    def leaves_types_open(self, run: StoredRun) -> bool:
        """Whether a person may choose types of a run's questions: whether its dataset does not say them all."""
        return bool(set(run.about.get(TYPES, ())) - {"given"})

    def retype(self, run_id: str) -> int:
        """Let the answers of a run count under the types that their questions have by now; how many changed. Takes an editor.

        Raises InputError where it is another dataset by now.
        """
        require(Role.EDITOR)
        run, _, dataset = self._recorded(run_id)
        record("chose types of a run's questions", run.run_id)
        typed = self.types.of(dataset)
        types = {each.question.question_id: each.type for each in typed}
        changed = [
            replace(scored, type=types[scored.question_id])
            for scored in self.scores(run.run_id)
            if types.get(scored.question_id, scored.type) != scored.type
        ]
        self._keep_scores(run.run_id, changed)
        self._store().runs.note(run.run_id, {TYPES: count_types(typed)})
        return len(changed)

    def feedback(self) -> FeedbackDataset:
        """The labelled questions that people have made with their feedback."""
        store = self._store()
        found = {
            stored.trace.trace_id: stored
            for query in (TraceQuery(rating="any"), TraceQuery(search=MARK))
            for stored in store.export(query)
            if stored.rating or stored.note
        }
        return read_feedback(found.values())

    def keep_dataset(self, name: str, content: bytes) -> Path:
        """Keep an uploaded file, so that its run can be gone on with, and read it once. Takes an editor.

        Raises InputError for one that is no dataset, NotPermitted.
        """
        require(Role.EDITOR)
        path = keep_dataset(self._config().data_dir, name, content)
        record("sent a dataset", path.name)
        return path

    def find(self, run_id: str) -> StoredRun:
        """A run by its id, how that begins, or `LAST`. Raises InputError."""
        return self._store().runs.find(run_id)

    def newest(self, limit: int = 100) -> list[StoredRun]:
        """The newest runs, each with its figures."""
        kept = self._store().runs
        return fill_figures(kept, kept.newest(limit))

    def scores(self, run_id: str) -> list[Scored]:
        """The answers of a run."""
        return [Scored.from_dict(data) for data in self._store().runs.scores(run_id)]

    def summary(self, run_id: str) -> list[Summary]:
        """What a run comes to. Raises InputError for one without answers."""
        scores = self.scores(run_id)
        if not scores:
            raise InputError(f"The run {run_id} has no answers yet. Go on with it: `raglass eval resume {run_id}`.")
        return summarise(scores)

    def compare(self, first: str, second: str, *, max_drop: float = MAX_DROP) -> ComparedRuns:
        """Hold the second run against the first, over the questions they share. Raises InputError where that cannot be done."""
        one, other = ((run, self.scores(run.run_id)) for run in (self.find(first), self.find(second)))
        return compare_stored(one, other, max_drop=max_drop)

    def compare_several(self, run_ids: Sequence[str], *, max_drop: float = MAX_DROP) -> ComparedSeveral:
        """Hold two to five runs against each other, over the questions that all have. Raises InputError where that cannot be done."""
        runs = [(run, self.scores(run.run_id)) for run in map(self.find, run_ids)]
        return compare_stored_several(runs, max_drop=max_drop)

    def _recorded(self, run_id: str) -> tuple[StoredRun, RunPlan, Dataset]:
        """A run with what it was asked. Raises InputError where its dataset is another one by now."""
        run = self._store().runs.find(run_id)
        plan = RunPlan.recorded(run.about)
        dataset = load_dataset(plan.dataset).draw(plan.limit, plan.seed)
        now = {"fingerprint": dataset.fingerprint, "documents_fingerprint": dataset.documents_fingerprint}
        if any(run.about[name] != found for name, found in now.items()):
            raise InputError(
                f"The dataset {plan.dataset} is another one than when run {run.run_id} was started. Start a new run with it."
            )
        return run, plan, dataset

    def _alone(self, run_id: str) -> AbstractContextManager[None]:
        """While a run is asked: by one at a time, so that no question is asked twice."""
        return held_alone(
            self._config().data_dir / "runs" / f"{run_id}.lock",
            InputError(
                f"The run {run_id} is going on already, on a page or in another shell. Wait for it to end, or stop it there."
            ),
        )

    def _go(
        self,
        run_id: str,
        plan: RunPlan,
        dataset: Dataset,
        done: list[Scored],
        stop: threading.Event | None,
        given: Backend | None,
    ) -> Generator[RunStep, None, None]:
        status: Status = "failed"
        before = next((stored.trace.settings for each in done if (stored := self._store().get(each.trace_id))), {})
        try:
            yield RunStep(run_id, "index", None)
            opened = self.opened_for(plan.backend, dataset, build=False) if given is None else nullcontext(given)
            with opened as found:
                backend = asking_with(found, plan.template) if given is None else found
                if dataset.documents and isinstance(backend, HoldsCorpus):
                    with closing(index_documents(backend.corpus, stop)) as indexing:
                        state = None
                        for state in indexing:
                            yield RunStep(run_id, "index", None, state)
                    if state is not None and state.phase == "stopped":
                        status = "stopped"
                        return
                if not dataset.documents and isinstance(backend, HoldsCorpus):
                    uncovered = find_uncovered(dataset.questions, backend.corpus.documents())
                    self._store().runs.note(run_id, describe_uncovered(uncovered))
                asking = run_questions(
                    dataset.questions,
                    lambda texts: self._ask(backend, plan, texts, before),
                    lambda scores: self._keep_scores(run_id, scores),
                    done=done,
                    workers=plan.workers,
                    batch=plan.batch_size(backend),
                    stop=stop,
                )
                with closing(asking):
                    for progress in asking:
                        yield RunStep(run_id, "ask", progress)
            status = "finished" if progress.done == progress.total else "stopped"
        except (GeneratorExit, KeyboardInterrupt):
            status = "stopped"
            raise
        finally:
            self._note_status(run_id, status)

    def _note_status(self, run_id: str, status: Status) -> None:
        try:
            self._store().runs.set_status(run_id, status)
            scores = self.scores(run_id)
            if scores:
                self._store().runs.note(run_id, {FIGURES: headline_figures(scores), **self._system(scores)})
        except StoreError as error:
            log.error("the run %s is %s, which could not be stored: %s", run_id, status, error)

    def _keep_scores(self, run_id: str, scores: Sequence[Scored]) -> None:
        self._store().runs.keep(run_id, [(each.question_id, each.trace_id, each.to_dict()) for each in scores])

    def _system(self, scores: Sequence[Scored]) -> dict[str, Setting]:
        """What answered, by the newest trace that did."""
        for each in reversed(scores):
            stored = None if each.failed else self._store().get(each.trace_id)
            if stored is not None:
                return describe_system(stored.trace)
        return {}

    def _ask(self, backend: Backend, plan: RunPlan, texts: Sequence[str], before: Mapping[str, Setting]) -> list[Trace]:
        """Ask and store. before: settings of the run's earlier answers.

        Raises StoreError for traces that could not be stored: a run whose answers are lost is none. Raises InputError where another
        model or index answers than before: a run over two systems speaks for neither.
        """
        if isinstance(backend, BatchAnswerer) and len(texts) > 1:
            traces = backend.answer_batch(texts, top_k=plan.top_k, deadline_s=plan.deadline_s, rerank=plan.rerank)
        else:
            traces = [
                backend.answer(text, top_k=plan.top_k, deadline_s=plan.deadline_s, rerank=plan.rerank) for text in texts
            ]
        for trace in traces:
            for name in ANSWERED_WITH:
                if trace.error is None and name in before and trace.settings.get(name) != before[name]:
                    raise InputError(
                        f"The run's {name} was {before[name]}; it is {trace.settings.get(name)} now. Start a new run, or put it back."
                    )
        traces = [replace(trace, origin="run") for trace in traces]
        why_not = self._keep(traces)
        if why_not is not None:
            raise StoreError(f"The run stopped, for an answer could not be stored: {why_not}")
        return traces

    @contextmanager
    def opened_for(self, name: str, dataset: Dataset, *, build: bool = True) -> Iterator[Backend]:
        """The backend over the dataset's own documents; over its usual corpus where the dataset has none.

        build: whether to index those documents first, if need be; without it, whoever asks has to.
        """
        usual = self._backend(name)
        if dataset.documents and not isinstance(usual, HoldsCorpus):
            log.warning("%s keeps its documents elsewhere; those of %s are taken to be among them", name, dataset.name)
        if not dataset.documents or not isinstance(usual, HoldsCorpus):
            yield usual
            return
        config = self._config()
        folder = config.data_dir / "datasets" / dataset.documents_fingerprint
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"The folder {folder} cannot be made ({error.strerror}). Free some space.") from error
        backend = self._open_backend(name, replace(config, data_dir=folder, builtin_corpus=False))
        try:
            if isinstance(backend, HoldsCorpus):
                for document in dataset.documents:
                    backend.corpus.library.add(document)
                if build:
                    backend.corpus.build()
            yield backend
        finally:
            backend.close()
