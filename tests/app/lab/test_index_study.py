"""The index study over a planted corpus: what it measures, resumes, recommends and refuses, on the job, in the shell and as a choice."""

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest
from click.testing import Result
from faiss.contrib.evaluation import knn_intersection_measure

from app.documents.choosing import choose_automatically
from app.lab import index_study
from app.lab.index_choosing import choose
from app.lab.index_material import Material, distinct, gather
from app.lab.index_study import IndexStudy, in_use, measure_all, with_in_use
from app.lab.index_tables import headline, index_tables, recommended, used
from app.services import Services
from backends.local.corpus import LocalCorpus
from backends.local.documents import Document
from backends.local.faiss_variants import Variant
from backends.local.index_choice import read_choice
from backends.local.pgvector.holder import PgvectorHolder
from evaluation.datasets import load_dataset
from pipeline.errors import InputError

PLAN = {"ks": [5, 10], "depth": 20}
SUBJECTS = ("pump", "valve", "boiler", "rotor", "gasket", "burner", "filter", "sensor")


@pytest.fixture
def services(make_services: Callable[..., Services]) -> Services:
    return make_services(corpus=True)


@pytest.fixture
def corpus(services: Services) -> LocalCorpus:
    """Forty documents, each of which alone says where its part is."""
    found = services.backends.corpus("fake", build=False)
    assert found is not None
    documents = [
        Document(
            f"d{n}", f"Part {n}", f"The {SUBJECTS[n % 8]} number {n} stands in hall H{n}. It is serviced.", f"{n}.txt"
        )
        for n in range(40)
    ]
    for document in documents:
        found.library.add(document)
    found.build()
    return found


@pytest.fixture
def questions(tmp_path: Path) -> str:
    path = tmp_path / "asked.jsonl"
    rows: list[dict[str, Any]] = [
        {
            "question": f"Where does number {n} of the {SUBJECTS[n % 8]} stand?",
            "answer": f"hall H{n}",
            "article": f"Part {n}",
        }
        for n in range(30)
    ]
    rows.append({"question": "Who painted it?", "answer": "", "article": "Part 1"})
    rows.append({"question": "Which halls?", "answer": "hall H3", "article": "Nowhere"})
    path.write_text("\n".join(map(json.dumps, rows)))
    return str(path)


def planted(count: int = 800, dimension: int = 32) -> Material:
    random = np.random.default_rng(0)
    vectors, asked = (random.normal(size=(n, dimension)).astype(np.float32) for n in (count, 60))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    asked /= np.linalg.norm(asked, axis=1, keepdims=True)
    nearest = np.argmax(asked @ vectors.T, axis=1)
    gold = tuple(frozenset({int(row)}) if place % 2 else frozenset[int]() for place, row in enumerate(nearest))
    return Material(vectors, asked, tuple(f"d{n}" for n in range(60)), gold)


def about(**changes: Any) -> dict[str, Any]:
    told = {"ks": [5, 10], "dimension": 32, "questions": 60, "in_use": ["Flat", 0], "threads": 1, "own": True}
    return {**told, "index": "e/c", "dataset_fingerprint": "q", "embedder": "fake", **changes}


def last(material: Material, before: Any = None, stop: threading.Event | None = None) -> Any:
    return [step.result for step in measure_all(material, PLAN, about(), before, stop or threading.Event())][-1]


@pytest.fixture(scope="module")
def result() -> Any:
    return last(planted())


def test_recall_of_each_setting_is_faiss_own_measure(result: Any) -> None:
    material = planted()
    exact = np.argsort(-(material.questions @ material.vectors.T), axis=1)
    index = faiss.index_factory(32, "SQ8", faiss.METRIC_INNER_PRODUCT)
    index.train(material.vectors)
    index.add(material.vectors)
    _, ids = index.search(material.questions, 20)
    [row] = [each for each in result["rows"] if each["name"] == "SQ8, no refinement"]
    for k in (5, 10):
        expected = float(knn_intersection_measure(ids[:, :k], exact[:, :k]))
        assert row["recall"][str(k)]["value"] == pytest.approx(expected)
    assert row["usable"] is False
    assert row["bytes"] == faiss.serialize_index(index).nbytes


def test_exact_search_finds_all_and_the_nearest_is_gold(result: Any) -> None:
    exact = result["rows"][0]
    assert exact["recall"]["10"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert (exact["gold"]["5"]["value"], exact["mrr"]["value"]) == (1, 1)  # the planted gold is the nearest
    assert result["about"]["gold_questions"] == 30
    assert 0 < exact["p50_ms"] <= exact["p95_ms"]


def test_every_kind_is_measured_and_the_tables_show_the_front_first(result: Any) -> None:
    assert {row["kind"] for row in result["rows"]} == {"exact", "ivf", "hnsw", "sq8", "pq", "rabitq", "ivf-rabitq"}
    tables = index_tables(result)
    assert [table.name for table in tables] == ["indexes", "settings"]
    front = [row[0] for row in tables[0].rows]
    assert len(front) < len(tables[1].rows) == len(result["rows"])
    best = recommended(result)
    assert best["recall"]["10"]["low"] >= 0.99
    assert front[next(iter(tables[0].marked))] == best["name"]
    assert tables[0].title == headline(result)
    assert used(result) is result["rows"][0]


@pytest.mark.slow
def test_measured_index_is_not_built_again(result: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[str] = []
    measure = index_study.measure_variant

    def watched(variant: Variant, *given: Any) -> Any:
        built.append(variant.factory)
        return measure(variant, *given)

    monkeypatch.setattr(index_study, "measure_variant", watched)
    stop = threading.Event()
    steps = measure_all(planted(), PLAN, about(), None, stop)
    for step in steps:
        if "HNSW32, efSearch" in step.doing:
            stop.set()
        kept = step.result
    assert kept is not None
    assert built[-1] == "HNSW32"
    assert "HNSW32" not in kept["done"]
    built.clear()
    again = last(planted(), kept)
    assert built == [name for name in again["done"] if name not in kept["done"]]
    assert built[0] == "HNSW32"
    assert [row["name"] for row in again["rows"]] == [row["name"] for row in result["rows"]]


@pytest.mark.slow
def test_index_that_faiss_refuses_is_left_out_and_the_rest_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    measure = index_study.measure_variant

    def refusing(variant: Variant, *given: Any) -> Any:
        if variant.kind == "pq":
            raise RuntimeError("no such thing")
        return measure(variant, *given)

    monkeypatch.setattr(index_study, "measure_variant", refusing)
    found = last(planted())
    assert {each["name"] for each in found["left_out"]} == {"PQ8x4fs,RFlat", "PQ16x4fs,RFlat"}
    assert "rabitq" in {row["kind"] for row in found["rows"]}
    assert index_tables(found)[-1].title == "2 indexes cannot be had over these vectors"


def test_doubles_are_left_out_and_every_row_knows_where_it_went() -> None:
    vectors = np.array([[1, 0], [0, 1], [1, 0], [0.6, 0.8], [0, 1]], np.float32)
    once, place = distinct(vectors)
    np.testing.assert_array_equal(once, vectors[[0, 1, 3]])
    np.testing.assert_array_equal(once[place], vectors)


def test_gold_is_the_chunk_of_the_named_document_that_holds_the_answer(corpus: LocalCorpus, questions: str) -> None:
    gathering = gather(corpus, load_dataset(questions))
    while True:
        try:
            next(gathering)
        except StopIteration as end:
            material = end.value
            break
    chunks = [chunk for chunk, _ in corpus.index.opened().execute("SELECT text, row FROM chunks ORDER BY row")]
    for n in range(30):
        [row] = material.gold[n]
        assert f"hall H{n}." in chunks[row]
    assert material.gold[30:] == (frozenset(), frozenset())  # one without an answer, one of an unknown document
    assert material.clusters[3] == "Part 3"


def test_setting_in_use_is_measured_too() -> None:
    variants = [Variant("Flat"), Variant("HNSW32", (16, 64))]
    assert with_in_use(variants, ["HNSW32", 48])[1].efforts == (16, 48, 64)
    assert with_in_use(variants, ["IVF8,Flat", 2])[2] == Variant("IVF8,Flat", (2,))
    assert with_in_use(variants, ["Flat", 0]) == variants
    assert with_in_use(variants, ["", 0]) == variants


@pytest.mark.slow
def test_study_chosen_from_is_followed_by_the_next_build_and_taken_back(
    services: Services, corpus: LocalCorpus, questions: str
) -> None:
    lab = services.lab
    record = lab.begin("index", {"dataset": questions, "ks": ["5"], "depth": 10}).work()
    assert (record.status, record.problem) == ("finished", "")
    backend = services.backends.open("fake")
    assert choose(backend, record).factory == recommended(record.result or {})["factory"]
    choice = choose(backend, record, "HNSW16", 16)
    assert read_choice(corpus.index.root) == choice
    assert corpus.build(rebuild=True).choice == "HNSW16, efSearch 16"
    assert in_use(corpus.index.manifest) == ("HNSW16", 16)
    assert choose_automatically(corpus)
    assert corpus.build(rebuild=True).kind == "exact"
    for factory, effort, said in (("HNSW64", 16, "measured no one setting"), ("SQ8,RFlat", 0, "no vectors")):
        with pytest.raises(InputError, match=said):
            choose(backend, record, factory, effort)


@pytest.mark.slow
def test_study_chooses_nothing_where_something_else_holds_the_vectors(
    services: Services, corpus: LocalCorpus, questions: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = services.lab.begin("index", {"dataset": questions, "ks": ["5"], "depth": 10}).work()
    choose(services.backends.open("fake"), record)
    assert corpus.index_choice is not None
    assert in_use(replace(corpus.index.manifest, held_by="pgvector")) == ("", 0)
    monkeypatch.setattr(corpus.index, "holder", PgvectorHolder("postgresql://host/db"))
    assert corpus.index_choice is None
    with pytest.raises(InputError, match="RAGLASS_INDEX=pgvector holds the vectors"):
        choose(services.backends.open("fake"), record)


def test_study_is_not_gone_on_with_over_other_documents(
    services: Services, corpus: LocalCorpus, questions: str
) -> None:
    job = services.lab.begin("index", {"dataset": questions, "ks": ["5"]})
    job.stop_event.set()
    record = job.work()
    stopped = record.went_on(result={"about": {"index": "other", "dataset_fingerprint": "x"}, "rows": [], "done": []})
    services.lab.records.keep(stopped)
    failed = services.lab.resume(record.record_id).work()
    assert failed.status == "failed"
    assert "documents are others" in failed.problem


@pytest.mark.slow
def test_dataset_with_documents_is_measured_on_these_and_chooses_nothing(
    services: Services, corpus: LocalCorpus, tmp_path: Path
) -> None:
    path = tmp_path / "own.jsonl"
    rows = [
        {
            "question": f"Where is {n}?",
            "answer": f"hall H{n}",
            "context": f"Item {n} is in hall H{n}.",
            "article": f"A{n}",
        }
        for n in range(12)
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    record = services.lab.begin("index", {"dataset": str(path), "ks": ["5"]}).work()
    assert record.status == "finished", record.problem
    assert record.result is not None
    assert record.result["about"]["vectors"] == 12
    with pytest.raises(InputError, match="documents of its dataset"):
        choose(services.backends.open("fake"), record)


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        ({"ks": ["ten"]}, "'ten' is none"),
        ({"ks": ["0"]}, "whole numbers from 1"),
        ({"ks": ["10"], "depth": 5}, "depth of 10 or more"),
        ({"limit": 0}, "at least 1"),
        ({"dataset": "missing.csv"}, "cannot be read"),
    ],
)
def test_plan_that_cannot_be_carried_out_is_refused(
    services: Services, corpus: LocalCorpus, plan: Any, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        IndexStudy().check(services.lab.parts, plan)


def test_more_chunks_than_vectors_fail_in_words(services: Services, corpus: LocalCorpus, questions: str) -> None:
    record = services.lab.begin("index", {"dataset": questions, "ks": ["500"]}).work()
    assert record.status == "failed"
    assert "There are 40 vectors, fewer than the 500 nearest" in record.problem


def test_backend_whose_vectors_are_elsewhere_is_refused(make_services: Callable[..., Services]) -> None:
    with pytest.raises(InputError, match="keeps its vectors elsewhere"):
        IndexStudy().check(make_services().lab.parts, {})


def test_shell_prints_the_front_writes_files_and_chooses(
    run: Callable[..., Result], services: Services, corpus: LocalCorpus, questions: str, tmp_path: Path
) -> None:
    out = tmp_path / "found.csv"
    done = run("lab", "index", "--k", "5", "--dataset", questions, "--out", str(out), services=services)
    assert done.exit_code == 0, done.stderr
    assert "over 40 vectors: 32 questions are embedded" in done.stderr
    assert "exact (Flat)" in done.stdout
    assert out.read_text("utf-8-sig").splitlines()[1].startswith("index,,found@5,right chunk@5,MRR")
    chosen = run("lab", "use-index", "--index", "HNSW16", "--effort", "32", services=services)
    assert (chosen.exit_code, "HNSW16, efSearch 32 is chosen" in chosen.stdout) == (0, True)
    assert (
        "HNSW16, efSearch 32 is chosen: the next build makes it"
        not in run("lab", "use-index", "--automatic", services=services).stdout
    )
    assert read_choice(corpus.index.root) is None
    wrong = run("lab", "use-index", "--index", "HNSW16", "--effort", "33", services=services)
    assert wrong.exit_code == 2
    assert "There are: Flat 0" in wrong.stderr
