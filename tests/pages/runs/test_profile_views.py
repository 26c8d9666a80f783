"""Runs and Lab show what a dataset is made of, and a run by type or by group."""

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.lab import catalogue
from app.runs.record import RunPlan
from app.services import Services
from tests.app.runs.labelled_file import write_questions
from tests.pages.test_pages import shown
from tests.tables import listed

Open = Callable[..., AppTest]


@pytest.fixture
def run_id(services: Services, tmp_path: Path) -> str:
    """A run over twelve questions of two types."""
    path = write_questions(tmp_path / "questions.csv", 12)
    return list(services.evaluations.run(RunPlan(str(path), "fake", 3, 30.0)))[-1].run_id


@pytest.mark.slow
def test_a_look_before_a_run_shows_its_first_rows_and_its_profile(open_page: Open, services: Services) -> None:
    page = open_page("runs")
    assert "STATISTICS is asked most" not in shown(page)
    page.session_state["run-look"] = True
    page.run()
    assert not page.exception
    assert "The first 20 of 861 questions." in shown(page)
    assert len(listed(page, "The first questions")) == 20
    assert "half of the questions have 9 words or fewer" in shown(page)
    assert services.lab.records.newest() == []


@pytest.mark.slow
def test_lab_profiles_a_dataset_and_shows_it(
    open_page: Open, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "STUDIES", {"profile": catalogue.STUDIES["profile"]})
    assert "No profile yet" in shown(open_page("lab", study="profile"))
    assert services.lab.begin("profile", {"dataset": "builtin"}).work().status == "finished"
    page = open_page("lab", study="profile")
    assert not page.exception
    assert "STATISTICS is asked most" in shown(page)
    page.toggle(key="profile-grouped").set_value(True).run()
    assert not page.exception


@pytest.mark.slow
@pytest.mark.parametrize("view", ["Means", "Spread", "Similarity and length", "Counts"])
def test_the_toggle_holds_in_every_view_of_a_run_by_type(open_page: Open, run_id: str, view: str) -> None:
    page = open_page("runs", run=run_id)
    page.session_state["run-by-type"] = view
    page.run()
    assert not page.exception
    drawn = [str(each.proto.spec) for each in page.get("plotly_chart")]
    assert any("PERSON" in spec for spec in drawn)


@pytest.mark.slow
def test_groups_stand_for_types_in_every_view(open_page: Open, services: Services, tmp_path: Path) -> None:
    path = tmp_path / "grouped.csv"
    rows = [f"Question {n}?,{('DATE', 'REASON')[n % 2]},Sentence 1,article {n}" for n in range(12)]
    path.write_text("\n".join(["question,type,answer,article", *rows]))
    run_id = list(services.evaluations.run(RunPlan(str(path), "fake", 3, 30.0)))[-1].run_id
    for view in ("Means", "Spread", "Similarity and length", "Counts"):
        page = open_page("runs", run=run_id)
        page.session_state["run-by-type"], page.session_state["run-grouped"] = view, True
        page.run()
        assert not page.exception
        drawn = "".join(str(each.proto.spec) for each in page.get("plotly_chart"))
        assert "reasons and opinions" in drawn
        assert "DATE" not in drawn
