"""The pages of chunkings, embedders and generators side by side: a form, and a study read."""

from importlib import import_module
from pathlib import Path

import pytest

from app.lab import embedders
from app.services import Services
from tests.app.lab.fake_models import Deaf, WordEmbedder, open_fake, write_questions
from tests.shown import as_read

PLANS = {
    "chunks": {"chunkings": ["heading:100"]},
    "embedders": {"embedders": ["words", "<deaf>", "gone"]},
    "generators": {"generators": ["first", "mute", "gone"]},
}


@pytest.fixture
def services(services: Services, monkeypatch: pytest.MonkeyPatch) -> Services:
    """The process's services, over a backend whose models cost nothing."""
    studies = {
        "chunks": "app.lab.chunkings:ChunkingStudy",
        "embedders": "app.lab.embedders:EmbedderStudy",
        "generators": "app.lab.generators:GeneratorStudy",
    }
    monkeypatch.setattr("app.lab.catalogue.STUDIES", studies)
    monkeypatch.setattr(services.backends, "make", open_fake)
    made = {"words": WordEmbedder("words"), "<deaf>": Deaf("deaf"), "embedded": WordEmbedder("embedded")}

    def open_named(name: str, config: object) -> WordEmbedder:
        if name not in made:
            raise embedders.InputError(f"There is no {name}.")
        return made[name]

    monkeypatch.setattr(embedders, "open_named", open_named)
    monkeypatch.setattr(embedders, "import_libraries", lambda name: None)
    return services


@pytest.mark.parametrize("name", PLANS)
def test_form_is_there_before_any_study(open_page, services: Services, name: str):
    page = open_page("lab", study=name)
    assert not page.exception
    assert any("Press Plan" in each.value or "press Plan" in each.value for each in page.info)
    assert "Plan" in [button.label for button in page.button]
    assert not any("ress Plan" in each.value for each in open_page("lab", study=name, present="1").info)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "charts"), [("chunks", 1), ("embedders", 2), ("generators", 1)])
def test_study_is_read_with_its_charts_and_tables(
    open_page, services: Services, tmp_path: Path, name: str, charts: int
):
    dataset = write_questions(tmp_path / "questions.csv")
    done = services.lab.begin(name, {**PLANS[name], "dataset": str(dataset), "top_k": 1}).work()
    assert done.problem == ""
    page = open_page("lab", study=name)
    assert not page.exception
    assert len(page.get("plotly_chart")) == charts
    assert len(import_module(f"app.views.lab.{name}").charts(done)) == charts
    headings = [as_read(each.value) for each in page.header]
    assert headings == [table.title for table in services.lab.tables(done)]


def test_study_that_cannot_be_begun_says_why(open_page, services: Services):
    page = open_page("lab", study="chunks")
    page.text_area(key="chunks_names").set_value("heading:99999")
    next(button for button in page.button if button.label == "Plan").click().run()
    assert not page.exception
    assert any("is no way of cutting" in each.value for each in page.error)
