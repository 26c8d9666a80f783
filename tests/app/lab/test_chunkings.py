"""Chunkings side by side."""

from collections.abc import Callable
from pathlib import Path

import pytest

from app.lab.tables import to_plain
from app.services import Services
from pipeline.errors import InputError

Make = Callable[..., Services]


def plan(questions: Path, *chunkings: str, **others: object) -> dict[str, object]:
    return {"dataset": str(questions), "chunkings": chunkings, "top_k": 1, **others}


@pytest.mark.slow
def test_chunkings_are_held_against_the_one_in_use_on_retrieval_answers_and_cost(
    lab_services: Make, questions: Path
) -> None:
    services = lab_services()
    done = services.lab.begin("chunks", plan(questions, "heading:100", "page:800")).work()
    assert done.problem == ""
    assert done.status == "finished"
    assert done.result is not None
    rows = {row["name"]: row for row in done.result["rows"]}
    assert list(rows) == ["heading:800:0", "heading:100:0", "page:800:0"]
    # An article is one chunk of 800 characters, and two of 100: what it repeats is kept once.
    assert rows["heading:800:0"]["chunks"] == 12
    assert rows["heading:100:0"]["chunks"] == 24
    assert rows["heading:800:0"]["figures"]["words"]["value"] > 2 * rows["heading:100:0"]["figures"]["words"]["value"]
    for row in rows.values():
        assert row["figures"]["recall"]["value"] == 1.0
        assert row["figures"]["correct"]["questions"] == 24
    assert {(pair["first"], pair["second"]) for pair in done.result["pairs"]} == {
        ("heading:800:0", "heading:100:0"),
        ("heading:800:0", "page:800:0"),
    }
    text = "\n".join(map(to_plain, services.lab.tables(done)))
    assert "page:800:0 give the very same chunks" in text
    assert "* heading:800:0" in text


@pytest.mark.slow
def test_no_index_of_the_study_is_left_and_the_one_in_use_is_not_touched(lab_services: Make, questions: Path) -> None:
    services = lab_services()
    services.lab.begin("chunks", plan(questions, "heading:100")).work()
    data = services.settings.data_dir
    assert [each for each in (data / "lab" / "work").iterdir() if each.is_dir()] == []
    assert list(data.rglob("CURRENT")) == []


def test_the_added_documents_of_the_user_are_what_is_cut(lab_services: Make, questions: Path, tmp_path: Path) -> None:
    from backends.local.documents import Document

    plain = tmp_path / "plain.jsonl"
    plain.write_text('{"question": "Who is the volcano keeper?", "answer": "Ada"}\n')
    services = lab_services()
    corpus = services.backends.corpus("fake", build=False)
    assert corpus is not None
    corpus.library.add(Document("d1", "Keepers", "The volcano keeper is Ada.", "keepers.txt"))
    corpus.build()
    before = corpus.index.manifest
    done = services.lab.begin("chunks", plan(plain, "sentence:100")).work()
    assert done.result is not None
    assert [row["figures"]["recall"]["value"] for row in done.result["rows"]] == [1.0, 1.0]
    assert corpus.index.manifest == before


@pytest.mark.slow
def test_a_stopped_study_measures_only_what_is_missing(
    lab_services: Make, questions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = lab_services()
    job = services.lab.begin("chunks", plan(questions, "heading:100"))
    study = services.lab.study("chunks")
    opened: list[str] = []
    original = services.lab.parts.open_backend

    def stopping(name: str, config: object) -> object:
        opened.append(config.chunking)  # type: ignore[attr-defined]
        if len(opened) == 2:
            job.stop()
        return original(name, config)  # type: ignore[arg-type]

    monkeypatch.setattr(type(services.lab.parts), "open_backend", property(lambda self: stopping), raising=False)
    stopped = job.work()
    assert stopped.status == "stopped"
    assert stopped.result is not None
    assert [row["name"] for row in stopped.result["rows"]] == ["heading:800:0"]
    again = services.lab.resume(stopped.record_id).work()
    assert again.status == "finished"
    assert again.result is not None
    assert len(again.result["rows"]) == 2
    assert opened == ["heading:800:0", "heading:100:0", "heading:100:0"]
    assert study.tables(again.result)


@pytest.mark.parametrize(
    ("chunkings", "said"),
    [(("heading:99999",), "is no way of cutting"), ((" ",), "blank"), (("heading:800:0",), "in use already")],
)
def test_what_cannot_be_cut_by_is_refused_before_anything_is_done(
    lab_services: Make, questions: Path, chunkings: tuple[str, ...], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        lab_services().lab.begin("chunks", plan(questions, *chunkings))
