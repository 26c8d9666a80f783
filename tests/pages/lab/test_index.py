"""The index study's page: a study read, a setting put in use, and the way back."""

import json
from pathlib import Path

import pytest

from app.services import Services
from app.views.lab.index import LOOKS, recall_chart, time_ticks
from backends.fake import Script
from backends.local.corpus import LocalCorpus
from backends.local.documents import Document
from backends.local.faiss_variants import PATTERNS
from backends.local.index_choice import read_choice
from tests.app.conftest import CorpusBackend


@pytest.fixture
def services(services: Services, script: Script, monkeypatch: pytest.MonkeyPatch) -> Services:
    """The process's services, over a backend with documents."""
    services.backends.make = lambda name, config: CorpusBackend(config.data_dir, script)
    monkeypatch.setattr("app.lab.catalogue.STUDIES", {"index": "app.lab.index_study:IndexStudy"})
    return services


@pytest.fixture
def corpus(services: Services) -> LocalCorpus:
    found = services.backends.corpus("fake", build=False)
    assert found is not None
    for n in range(30):
        found.library.add(Document(f"d{n}", f"Part {n}", f"Pump {n} stands in hall H{n}.", f"{n}.txt"))
    found.build()
    return found


@pytest.fixture
def dataset(tmp_path: Path) -> str:
    path = tmp_path / "asked.jsonl"
    rows = [{"question": f"Where is pump {n}?", "answer": f"hall H{n}", "article": f"Part {n}"} for n in range(20)]
    path.write_text("\n".join(map(json.dumps, rows)))
    return str(path)


def press(page, label: str):
    return next(button for button in page.button if button.label == label).click().run()


def words(page) -> str:
    return " ".join(each.value.replace("\\", "") for each in page.info) + "".join(
        each.body for each in page.get("html")
    )


def test_empty_page_says_what_to_do(open_page, corpus: LocalCorpus):
    page = open_page("lab", study="index")
    assert not page.exception
    assert "Press Plan" in words(page)


@pytest.mark.slow
def test_setting_is_chosen_and_taken_back_on_the_page(open_page, services: Services, corpus: LocalCorpus, dataset: str):
    services.lab.begin("index", {"dataset": dataset, "ks": ["5"]}).work()
    page = open_page("lab", study="index")
    assert not page.exception
    setting = next(box for box in page.selectbox if box.label == "Setting")
    assert "SQ8, no refinement" not in setting.options
    setting.select("HNSW16, efSearch 16").run()
    press(page, "Use this")
    choice = read_choice(corpus.index.root)
    assert choice is not None
    assert choice.name == "HNSW16, efSearch 16"
    assert "HNSW16, efSearch 16 is chosen: the next build makes it." in words(page)
    corpus.build(rebuild=True)
    press(page.run(), "Choose automatically")
    assert read_choice(corpus.index.root) is None
    assert "no longer chosen: the next build chooses by itself" in words(page)


@pytest.mark.slow
def test_corpus_page_shows_what_is_chosen_and_takes_it_back(
    open_page, services: Services, corpus: LocalCorpus, dataset: str
):
    from app.lab.index_choosing import choose

    record = services.lab.begin("index", {"dataset": dataset, "ks": ["5"]}).work()
    choose(services.backends.open("fake"), record, "HNSW16", 16)
    assert "HNSW16, efSearch 16 is chosen" in words(open_page("corpus"))
    corpus.build(rebuild=True)
    page = open_page("corpus")
    assert "hnsw search as chosen (HNSW16, efSearch 16)" in words(page)
    press(page, "Choose the index automatically")
    assert read_choice(corpus.index.root) is None


def test_every_kind_has_a_colour_and_a_shape_of_its_own():
    assert set(LOOKS) == set(PATTERNS)
    assert len(set(LOOKS.values())) == len({colour for colour, _ in LOOKS.values()}) == len(PATTERNS)


@pytest.mark.slow
def test_chart_joins_the_front_and_marks_what_is_in_use_and_recommended(
    services: Services, corpus: LocalCorpus, dataset: str
):
    result = services.lab.begin("index", {"dataset": dataset, "ks": ["5"]}).work().result
    assert result is not None
    figure = recall_chart(result)
    named = {trace.name: trace for trace in figure.data}
    times = list(named["front"].x)
    assert times == sorted(times)
    assert list(named["front"].y) == sorted(named["front"].y)
    assert named["in use"].x[0] == result["rows"][0]["p50_ms"]
    assert sum(len(named[kind].x) for kind in LOOKS if kind in named) == len(result["rows"])


def test_ticks_are_round_and_reach_over_all_times():
    assert time_ticks([0.013, 0.09]) == pytest.approx([0.01, 0.02, 0.05, 0.1, 0.2, 0.5])
    assert time_ticks([0.002, 30]) == pytest.approx([0.001, 0.01, 0.1, 1, 10, 100])
