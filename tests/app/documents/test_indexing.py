"""Adding documents and building, in a thread, with stop and resume."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.documents.indexing import Added, IndexJob, Upload, add_files
from app.services import Services
from backends.local.build import Progress
from backends.local.corpus import LocalCorpus
from pipeline.errors import InputError, StoreError

LIMIT = 1_000_000


@pytest.fixture
def services(make_services: Callable[..., Services]) -> Services:
    return make_services(corpus=True)


@pytest.fixture
def corpus(services: Services) -> LocalCorpus:
    found = services.corpus("fake")
    assert found is not None
    return found


def text(name: str, content: str = "Volcanoes erupt. Lava is hot.") -> Upload:
    return Upload(name, f"{name} says: {content}".encode())


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


def test_job_adds_files_and_builds_the_index(corpus: LocalCorpus, services: Services) -> None:
    job = services.indexing.start(corpus, [text("a.txt"), text("b.txt")])
    state = job.wait(60)
    assert not job.running
    assert (state.phase, state.outcome.added, state.files_done) == ("done", 2, 2)
    assert state.manifest is not None
    assert state.manifest.documents == 2
    assert services.indexing.job is job


def test_same_file_again_is_unchanged_and_a_changed_one_is_replaced(corpus: LocalCorpus) -> None:
    outcome = Added()
    for uploads in ([text("a.txt")], [text("a.txt")], [text("a.txt", "Other words.")]):
        add_files(corpus, uploads, outcome, max_bytes=LIMIT)
    assert (outcome.added, outcome.unchanged, outcome.replaced) == (1, 1, 1)
    assert corpus.library.count() == 1


def test_bad_files_do_not_sink_the_rest(corpus: LocalCorpus, tmp_path: Path) -> None:
    uploads = [
        Upload("empty.txt", b""),
        Upload("zip.pdf", b"PK\x03\x04 this is a zip"),
        Upload("program.exe", b"MZ"),
        Upload("large.txt", b"x" * 2_000_000),
        Upload("gone.txt", tmp_path / "gone.txt"),
        text("good.txt"),
    ]
    job = IndexJob(corpus, uploads, max_bytes=LIMIT).start()
    state = job.wait(60)
    assert state.phase == "done"
    assert state.outcome.added == 1
    assert [name for name, _ in state.outcome.errors] == [upload.name for upload in uploads[:-1]]
    assert all(message.endswith(".") and name.split(".")[0] in message for name, message in state.outcome.errors)


def test_nothing_to_index_fails_and_says_what_to_do(corpus: LocalCorpus, services: Services) -> None:
    state = services.indexing.start(corpus, []).wait(60)
    assert state.phase == "failed"
    assert "Add a document" in state.message


def test_second_job_is_refused_while_one_runs(
    corpus: LocalCorpus, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch, corpus)
    job = services.indexing.start(corpus, many(10))
    assert gate.reached.wait(60)
    with pytest.raises(InputError, match="indexing job is running"):
        services.indexing.start(corpus, [])
    gate.opened.set()
    assert job.wait(60).phase == "done"
    assert services.indexing.start(corpus, []).wait(60).phase == "done"


def test_page_can_look_at_the_corpus_while_its_first_index_is_built(
    corpus: LocalCorpus, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch, corpus)
    job = services.indexing.start(corpus, many(10))
    assert gate.reached.wait(60)
    assert services.corpus("fake") is corpus
    assert not corpus.has_index()
    gate.opened.set()
    assert job.wait(60).phase == "done"


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
    assert (state.phase, state.outcome.added, state.manifest) == ("stopped", 10, None)
    assert not corpus.has_index()
    first = list(embedder.embedded)
    assert first
    embedder.embedded.clear()
    assert services.indexing.start(corpus, []).wait(60).phase == "done"
    assert embedder.embedded
    assert not set(first) & set(embedder.embedded)


def test_job_stopped_while_reading_says_how_many_it_added(corpus: LocalCorpus) -> None:
    job = IndexJob(corpus, many(3), max_bytes=LIMIT)
    real = job._on_file

    def stop_at_the_third(number: int, name: str) -> None:
        if number == 2:
            job.stop()
        real(number, name)

    job._on_file = stop_at_the_third  # type: ignore[method-assign]
    state = job.start().wait(60)
    assert (state.phase, state.outcome.added) == ("stopped", 2)
    assert corpus.library.count() == 2


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (StoreError("The disk is full. Free some."), "The disk is full"),
        (ZeroDivisionError("secret"), "ZeroDivisionError"),
    ],
)
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
    state = IndexJob(corpus, [text("a.txt")], max_bytes=LIMIT).start().wait(60)
    assert state.phase == "failed"
    assert expected in state.message
    assert "secret" not in state.message
    assert state.outcome.added == 1


def test_rebuild_builds_even_if_nothing_changed(corpus: LocalCorpus, services: Services) -> None:
    first = services.indexing.start(corpus, [text("a.txt")]).wait(60).manifest
    same = services.indexing.start(corpus, []).wait(60).manifest
    again = services.indexing.start(corpus, [], rebuild=True).wait(60).manifest
    assert same == first
    assert first is not None
    assert again is not None
    assert again.built_at > first.built_at


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


def test_files_are_read_from_paths_and_by_content_alike(corpus: LocalCorpus, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Volcanoes erupt.")
    outcome = Added()
    add_files(corpus, [Upload("a.txt", tmp_path / "a.txt"), text("b.txt")], outcome, max_bytes=LIMIT)
    assert outcome.added == 2
