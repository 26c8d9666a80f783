"""Reading files that were sent and building, in a thread, with stop and resume."""

import fcntl
import signal
import threading
from collections.abc import Callable
from typing import Any

import pytest

from app.documents import job as indexing_job
from app.documents.indexing import Upload, prepare
from app.documents.job import IndexJob, Work
from app.documents.outcome import Changed
from app.documents.words import progress_text
from app.services import Services
from backends.local.build import Progress
from backends.local.corpus import LocalCorpus
from backends.local.documents import Document, Extractor
from pipeline.errors import StoreError


@pytest.fixture
def services(make_services: Callable[..., Services]) -> Services:
    return make_services(corpus=True)


@pytest.fixture
def corpus(services: Services) -> LocalCorpus:
    found = services.backends.corpus("fake")
    assert found is not None
    return found


def text(name: str, content: str = "Volcanoes erupt. Lava is hot.", *, keep_both: bool = False) -> Upload:
    return Upload(name, f"{name} says: {content}".encode(), keep_both)


def changes(job: IndexJob) -> list[tuple[str, str]]:
    """What became of the files, (change, path)."""
    return [(each.change, each.path) for each in job.state.outcome.changes]


def many(count: int) -> list[Upload]:
    return [text(f"{number}.txt", " ".join(f"Line {number}-{line}." for line in range(200))) for number in range(count)]


class Gate:
    """Holds a job at one moment until the test lets it go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, corpus: LocalCorpus) -> None:
        self.reached, self.opened = threading.Event(), threading.Event()
        self.seen: list[Progress] = []
        real = corpus.build

        def build(on_progress: Any = None, *, rebuild: bool = False) -> Any:
            def wait(progress: Progress) -> None:
                self.seen.append(progress)
                if progress.step == "embed" and progress.done >= 16 and not self.reached.is_set():
                    self.reached.set()
                    self.opened.wait(60)
                on_progress(progress)

            return real(wait, rebuild=rebuild)

        monkeypatch.setattr(corpus, "build", build)


@pytest.mark.slow
def test_job_adds_files_and_builds_the_index(corpus: LocalCorpus, services: Services) -> None:
    job = services.indexing.start(corpus, [text("a.txt"), text("b.txt")])
    state = job.wait(60)
    assert not job.running
    assert (state.phase, state.files_done) == ("done", 2)
    assert changes(job) == [("new", "a.txt"), ("new", "b.txt")]
    assert state.manifest is not None
    assert state.manifest.documents == 2
    assert services.indexing.job is job


@pytest.mark.slow
def test_same_file_again_is_unchanged_and_a_changed_one_is_replaced(corpus: LocalCorpus, services: Services) -> None:
    for upload in (text("a.txt"), text("a.txt"), text("a.txt", "Other words.")):
        state = services.indexing.start(corpus, [upload]).wait(60)
    assert state.outcome.changes == [Changed("changed", "a.txt")]
    assert corpus.library.count() == 1


@pytest.mark.slow
def test_two_files_of_one_name_are_two_documents_where_both_are_kept(corpus: LocalCorpus, services: Services) -> None:
    services.indexing.start(corpus, [text("README.md")]).wait(60)
    job = services.indexing.start(corpus, [text("README.md", "Another.", keep_both=True)])
    job.wait(60)
    assert changes(job) == [("new", "README.md (2)")]
    assert {each.source for each in corpus.library.page().documents} == {"README.md", "README.md (2)"}
    again = services.indexing.start(corpus, [text("README.md", "Another.")]).wait(60)
    assert (again.outcome.unchanged, again.outcome.changes) == (1, [])


@pytest.mark.slow
def test_what_is_there_under_a_name_is_asked_about_and_two_of_one_name_are_both_kept(
    corpus: LocalCorpus, services: Services
) -> None:
    services.indexing.start(corpus, [text("a.txt")]).wait(60)
    old, new = text("a.txt").content, b"New."
    assert prepare(corpus.library, [("a.txt", old), ("b.txt", new)]).clashes == ()
    sending = prepare(corpus.library, [("a.txt", new), ("b.txt", new), ("b.txt", old)])
    assert sending.clashes == ("a.txt",)
    assert [each.keep_both for each in sending.uploads] == [False, False, True]
    assert all(each.keep_both for each in sending.keeping_both().uploads)


@pytest.mark.slow
def test_bad_files_do_not_sink_the_rest_and_are_listed_until_they_are_mended(
    corpus: LocalCorpus, services: Services
) -> None:
    uploads = [
        Upload("empty.txt", b""),
        Upload("program.exe", b"MZ"),
        text("good.txt"),
        Upload("zip.pdf", b"PK\x03\x04 this is a zip, and longer than the others"),
        Upload("large.txt", b"x" * 60_000_000),
    ]
    state = services.indexing.start(corpus, uploads).wait(60)
    assert state.phase == "done"
    assert state.outcome.changes == [Changed("new", "good.txt")]
    assert [name for name, _ in state.outcome.failed] == ["empty.txt", "program.exe", "zip.pdf", "large.txt"]
    assert all(message.endswith(".") and name.split(".")[0] in message for name, message in state.outcome.failed)
    failed = {file.path: file.problem for file in corpus.library.sources.failed(10)}
    assert failed == dict(state.outcome.failed)
    services.indexing.start(corpus, [Upload("empty.txt", b"Filled.")]).wait(60)
    assert corpus.library.sources.count_failed() == 3


def test_nothing_to_index_fails_and_says_what_to_do(corpus: LocalCorpus, services: Services) -> None:
    state = services.indexing.start(corpus).wait(60)
    assert state.phase == "failed"
    assert "Add a document" in state.message


@pytest.mark.slow
def test_what_is_sent_while_a_job_runs_is_stored_at_once_and_the_job_goes_on_with_it(
    corpus: LocalCorpus, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch, corpus)
    job = services.indexing.start(corpus, many(10))
    assert gate.reached.wait(60)
    assert services.indexing.start(corpus, [text("late.txt")]) is job
    assert [file.name for file in corpus.library.uploads.waiting()] == ["late.txt"]
    gate.opened.set()
    state = job.wait(60)
    assert state.phase == "done"
    assert state.manifest is not None
    assert state.manifest.documents == 11
    assert not job.add(Work(corpus))


@pytest.mark.slow
def test_what_was_sent_to_a_job_that_is_stopped_waits_for_the_next_one(
    corpus: LocalCorpus, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch, corpus)
    job = services.indexing.start(corpus, many(10))
    assert gate.reached.wait(60)
    services.indexing.start(corpus, [text("late.txt")])
    job.stop()
    assert job.state.stopping
    gate.opened.set()
    assert job.wait(60).phase == "stopped"
    assert [file.name for file in corpus.library.uploads.waiting()] == ["late.txt"]
    after = services.indexing.start(corpus).wait(60)
    assert after.outcome.changes == [Changed("new", "late.txt")]


@pytest.mark.slow
def test_a_job_that_is_slow_to_stop_holds_up_nobody_who_starts_the_next(
    corpus: LocalCorpus, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch, corpus)
    slow = services.indexing.start(corpus, many(12))
    assert gate.reached.wait(60)
    slow.stop()
    waiting = services.indexing.start(corpus, [text("a.txt")])  # which returns while the first is at work
    assert (slow.running, waiting.running, waiting.state.files_done) == (True, True, 0)
    waiting.stop()
    assert waiting.wait(60).phase == "stopped"
    last = services.indexing.start(corpus)
    assert not last._ended.wait(0.3)
    assert (slow.running, last.state.files_total) == (True, 0)  # it does not begin beside the first
    gate.opened.set()
    assert (slow.wait(60).phase, last.wait(60).phase) == ("stopped", "done")
    assert last.state.manifest.documents == 13


@pytest.mark.slow
def test_a_build_of_another_process_is_waited_for_and_the_files_are_stored_meanwhile(
    corpus: LocalCorpus, services: Services
) -> None:
    services.indexing.start(corpus, [text("a.txt")]).wait(60)
    with (corpus.index.root / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        job = services.indexing.start(corpus, [text("b.txt")])
        while job.state.progress is None or job.state.progress.step != "wait":
            job.wait(0.01)
        assert corpus.library.count() == 2
        assert "waiting for it to end" in progress_text(job.state)
    assert job.wait(60).manifest is not None
    assert corpus.indexed().keys() == corpus.library.lengths().keys()


@pytest.mark.slow
def test_waiting_for_another_build_can_be_stopped(corpus: LocalCorpus, services: Services) -> None:
    services.indexing.start(corpus, [text("a.txt")]).wait(60)
    with (corpus.index.root / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        job = services.indexing.start(corpus, [text("b.txt")])
        while job.state.progress is None:
            job.wait(0.01)
        job.stop()
        assert job.wait(60).phase == "stopped"


@pytest.mark.slow
def test_page_can_look_at_the_corpus_while_its_first_index_is_built(
    corpus: LocalCorpus, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch, corpus)
    job = services.indexing.start(corpus, many(10))
    assert gate.reached.wait(60)
    assert services.backends.corpus("fake") is corpus
    assert not corpus.has_index()
    gate.opened.set()
    assert job.wait(60).phase == "done"


@pytest.mark.slow
def test_stopped_job_keeps_its_work_and_the_next_goes_on(
    corpus: LocalCorpus, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder: Any = corpus._embedder
    gate = Gate(monkeypatch, corpus)
    job = services.indexing.start(corpus, many(10))
    assert gate.reached.wait(60)
    job.stop()
    gate.opened.set()
    state = job.wait(60)
    assert (state.phase, len(changes(job)), state.manifest) == ("stopped", 10, None)
    assert not corpus.has_index()
    first = list(embedder.embedded)
    assert first
    embedder.embedded.clear()
    assert services.indexing.start(corpus).wait(60).phase == "done"
    assert embedder.embedded
    assert not set(first) & set(embedder.embedded)


@pytest.mark.slow
def test_job_stopped_inside_a_file_keeps_what_it_read_and_the_rest_waits(
    corpus: LocalCorpus, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    class StopsAtTheThird(Extractor):
        def read(self, name: str, *arguments: Any, stopping: Any, **others: Any) -> list[Document]:
            if name == "2.txt":
                assert services.indexing.job is not None
                services.indexing.job.stop()
                assert stopping()
            return super().read(name, *arguments, stopping=stopping, **others)

    monkeypatch.setattr(indexing_job, "Extractor", StopsAtTheThird)
    job = IndexJob(Work(corpus))
    services.indexing.job = job
    for upload in many(4):
        corpus.library.uploads.put(upload.name, upload.content, keep_both=False)
    state = job.start().wait(60)
    assert (state.phase, changes(job)) == ("stopped", [("new", "0.txt"), ("new", "1.txt")])
    assert [file.name for file in corpus.library.uploads.waiting()] == ["2.txt", "3.txt"]


@pytest.mark.slow
def test_the_smallest_files_are_read_first(corpus: LocalCorpus, services: Services) -> None:
    job = services.indexing.start(corpus, [text("c.txt", "x" * 900), text("b.txt", "x"), text("a.txt", "x" * 90)])
    job.wait(60)
    assert [path for _, path in changes(job)] == ["b.txt", "a.txt", "c.txt"]


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (StoreError("The disk is full. Free some."), "The disk is full"),
        (ZeroDivisionError("secret"), "ZeroDivisionError"),
    ],
)
@pytest.mark.slow
def test_failure_is_told_and_the_job_ends(
    corpus: LocalCorpus,
    monkeypatch: pytest.MonkeyPatch,
    raised: Exception,
    expected: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise raised

    monkeypatch.setattr(corpus, "build", fail)
    corpus.library.uploads.put("a.txt", text("a.txt").content, keep_both=False)
    state = IndexJob(Work(corpus)).start().wait(60)
    assert state.phase == "failed"
    assert expected in state.message
    assert "secret" not in state.message
    assert state.outcome.changes == [Changed("new", "a.txt")]


@pytest.mark.slow
def test_rebuild_builds_even_if_nothing_changed(corpus: LocalCorpus, services: Services) -> None:
    first = services.indexing.start(corpus, [text("a.txt")]).wait(60).manifest
    same = services.indexing.start(corpus).wait(60).manifest
    again = services.indexing.start(corpus, rebuild=True).wait(60).manifest
    assert same == first
    assert first is not None
    assert again is not None
    assert again.built_at > first.built_at


@pytest.mark.slow
def test_closing_the_services_stops_a_job(
    corpus: LocalCorpus, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch, corpus)
    job = services.indexing.start(corpus, many(10))
    assert gate.reached.wait(60)
    threading.Timer(0.02, gate.opened.set).start()
    services.close()
    assert not job.running
    assert job.state.phase == "stopped"


@pytest.mark.slow
def test_an_interrupted_wait_does_not_take_a_running_job_for_an_ended_one(
    corpus: LocalCorpus, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In CPython 3.11 an interrupted `Thread.join` marks the thread as ended."""
    gate = Gate(monkeypatch, corpus)
    job = services.indexing.start(corpus, many(10))
    assert gate.reached.wait(60)
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)  # Whoever ran before may have left another.
    threading.Timer(0.05, signal.pthread_kill, [threading.main_thread().ident, signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt):
        job.wait(60)
    signal.signal(signal.SIGINT, handler)
    assert job.running
    gate.opened.set()
    assert job.wait(60).phase == "done"


@pytest.mark.slow
def test_an_index_whose_documents_are_all_gone_answers_no_more(corpus: LocalCorpus, services: Services) -> None:
    services.indexing.start(corpus, [text("a.txt")]).wait(60)
    corpus.library.sources.forget("a.txt")
    assert services.indexing.start(corpus).wait(60).phase == "failed"
    assert not corpus.has_index()
