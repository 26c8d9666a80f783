"""The Runs and Stability pages over stored runs and kept results: names, the leaderboard, up to five at once, variants."""

from dataclasses import replace

import pytest

from app.runs.rows import NO_INTERVAL
from app.stability.kept import KeptStability
from app.views.runs import source
from evaluation.curated import DatasetRow
from evaluation.summary import headline_figures
from pipeline.errors import InputError
from tests.app.runs.test_compared import scored, store
from tests.app.stability.test_kept import PLAN, STEP
from tests.pages.test_pages import shown
from tests.tables import listed, tables


@pytest.fixture
def runs(services):
    """Three runs over the same questions, the oldest first; the second is worse."""
    for run_id, wrong, about in (("aaaa0001", 1, {}), ("bbbb0002", 30, {"top_k": 1}), ("cccc0003", 1, {"tags": ["x"]})):
        scores = scored(run_id, wrong, golds=("Alfred Wegener",))
        store(services, run_id, scores, figures=headline_figures(scores), **about)
    return services.store.runs


def press(page, label):
    return next(button for button in page.button if button.label == label).click().run()


def test_runs_are_listed_by_name_and_filtered_by_tag(open_page, runs):
    page = open_page("runs")
    assert [row["Right"] for row in listed(page)] == ["98.3 %", "50.0 %", "98.3 %"]
    assert listed(page)[1]["Run"].startswith("builtin on local/embedded, 1 chunk,")
    assert listed(page)[1]["Wrong"] == "50.0 %"
    assert len(listed(open_page("runs", tag="x"))) == 1


def test_the_leaderboard_marks_the_best_and_says_what_sets_others_apart(open_page, runs):
    rows = listed(open_page("runs", view="board"))
    assert [row["Right"] for row in rows] == ["98.3 %", "98.3 %", "50.0 %"]
    assert [row[""] for row in rows] == ["best", "", ""]
    assert rows[2]["Differs from the best in"] == "chunks 1, not 5"
    assert rows[0]["Cost"] == "—"


@pytest.mark.slow
def test_from_the_list_one_press_says_whether_the_newest_run_may_ship(open_page, runs):
    page = open_page("runs")
    assert "Newest pair over the same questions: " in shown(page)
    page = press(page, "May it ship?")
    assert list(page.query_params) == ["run", "with"]
    assert "May the newer run take the older one’s place? Yes" in page.success[0].value
    page = press(open_page("runs", run="bbbb0002"), "May it ship?")
    assert "May the newer run take the older one’s place? No" in page.error[0].value


@pytest.mark.slow
def test_a_type_of_few_articles_has_no_interval_on_either_page_and_both_say_why(open_page, runs):
    for query in ({"run": "bbbb0002"}, {"run": "aaaa0001", "with": "bbbb0002"}):
        page = open_page("runs", **query)
        assert shown(page).count(NO_INTERVAL) == 1


@pytest.mark.slow
def test_where_every_figure_has_an_interval_nothing_is_said_of_it(open_page, services):
    for run_id in ("aaaa0001", "bbbb0002"):
        store(services, run_id, [replace(each, type="AB"[place % 2]) for place, each in enumerate(scored(run_id, 3))])
    for query in ({"run": "bbbb0002"}, {"run": "aaaa0001", "with": "bbbb0002"}):
        assert NO_INTERVAL not in shown(open_page("runs", **query))


@pytest.mark.slow
def test_that_no_question_changed_sides_is_one_sentence(open_page, runs):
    said = shown(open_page("runs", run="aaaa0001", **{"with": "cccc0003"}))
    assert "No question changed sides." in said
    assert "sides.." not in said


@pytest.mark.slow
def test_a_run_is_renamed_noted_and_tagged_on_its_page(open_page, runs):
    page = open_page("runs", run="bbbb0002")
    page.text_input(key="run-name-bbbb0002").set_value("One *chunk*")
    page.text_area(key="run-note-bbbb0002").set_value("<b>Too few.</b>")
    page.multiselect(key="run-tags-bbbb0002").set_value(["x"])
    page = press(page, "Keep")
    assert page.title[0].value == "One \\*chunk\\*"
    assert "<b>" not in shown(page)
    assert runs.find("bbbb0002").about["tags"] == ["x"]


@pytest.mark.slow
def test_the_tiles_of_a_run_say_right_wrong_abstained_wrongly_found_and_time(open_page, runs):
    page = open_page("runs", run="bbbb0002")
    assert [(each.label, each.value) for each in page.metric][:4] == [
        ("Right", "50.0 %"),
        ("Wrong", "50.0 %"),
        ("Abstained wrongly", "0.0 %"),
        ("Found", "100.0 %"),
    ]
    assert page.metric[4].label == "Time"
    rows = listed(page, "Questions of the run")
    assert {row["Outcome"] for row in rows} == {"wrong"}
    assert (rows[0]["Expected"], rows[0]["Answer"]) == ("Alfred Wegener", "Charles | <b>Darwin</b>")
    page.selectbox(key="run-outcome").set_value("abstained wrongly").run()
    assert listed(page, "Questions of the run") == []


@pytest.mark.slow
def test_three_runs_at_once_have_a_verdict_for_each_pair_and_the_questions_they_part_on(open_page, runs):
    page = open_page("runs", run="aaaa0001")
    page.query_params["with"] = ["bbbb0002", "cccc0003"]
    page.run()
    matrix = listed(page, "Runs, each against each")
    assert [(row["Instead of A"], row["Instead of B"], row["Instead of C"]) for row in matrix] == [
        ("·", "Yes", "Yes"),
        ("No", "·", "No"),
        ("Yes", "Yes", "·"),
    ]
    parted = listed(page, "Questions that the runs part on")
    assert len(parted) == 29
    assert (parted[0]["A"], parted[0]["B"]) == ("right: Alfred Wegener", "wrong: Charles | <b>Darwin</b>")
    assert tables(page)[1]["rows"][0]["href"].startswith("traces?trace=bbbb0002-")


@pytest.mark.slow
def test_a_kept_result_of_stability_is_listed_shown_and_removed(open_page, services):
    kept = KeptStability(services.settings.data_dir)
    result = kept.keep(PLAN, STEP)
    page = open_page("stability")
    assert listed(page, "Results")[0]["Answers the same"] == "50 %"
    page = open_page("stability", result=result.kept_id)
    assert page.header[0].value.startswith("2 of 4 answers stayed the same")
    rows = listed(page, "Variants")
    assert [(row["Changed"], row["Answer before"], row["Right"]) for row in rows] == [
        ("typo", "1912", "right → not right"),
        ("chunk dropped", "1912", "right → right"),
    ]
    assert list(rows[0])[:4] == ["Question", "Expected", "Answer before", "Answer now"]
    page.selectbox(key="stability-kind").set_value("chunk dropped").run()
    page.toggle(key="stability-changed").set_value(False).run()
    assert [row["Answer"] for row in listed(page, "Variants")] == ["another", "the same"]
    press(page, "Remove the one that is shown")
    assert kept.listed() == []


@pytest.fixture
def kept(services):
    """Two datasets that can be asked."""
    for name in ("death", "life"):
        services.evaluations.datasets.save(name, [DatasetRow("b", "When?", ("1912",), True)], "Picked.")
    return services.evaluations.datasets


def form(page):
    return next(each for each in page.expander if each.label == "Start a run").proto


@pytest.mark.slow
def test_a_start_that_failed_is_told_to_who_pressed_and_to_nobody_else(open_page, services, runs, monkeypatch):
    def fail(plan, stop):
        raise InputError("Nothing to ask.")

    monkeypatch.setattr(services.evaluations, "run", fail)
    page = press(open_page("runs"), "Start")
    services.run_jobs.job.wait(10)
    page.run()
    assert ["Nothing to ask" in each.value for each in page.error] == [True]
    assert form(page).expanded
    other = open_page("runs")
    assert [each.value for each in other.error] == []
    assert not form(other).expanded


@pytest.mark.slow
@pytest.mark.parametrize("said", [{"questions_id": "squad"}, {"questions_from": "A file"}, {"run_top_k": "3"}])
def test_the_form_is_open_where_the_address_says_anything_of_it(open_page, runs, said):
    assert form(open_page("runs", **said)).expanded
    assert not form(open_page("runs", view="board")).expanded


@pytest.mark.slow
@pytest.mark.parametrize("readable", [True, False])
def test_without_the_package_nothing_of_the_hub_can_be_started(open_page, monkeypatch, readable):
    monkeypatch.setattr(source, "is_readable", lambda: readable)
    page = open_page("runs", questions_from="Hugging Face")
    start = next(button for button in page.button if button.label == "Start")
    assert start.disabled is not readable
    assert any("pip install datasets" in each.value for each in page.info) is not readable
    plan = next(
        button
        for button in open_page("lab", questions_from="Hugging Face", study="profile").button
        if button.label == "Plan"
    )
    assert plan.disabled is not readable


def kind(page):
    return next(each for each in page.segmented_control if each.key == "questions_from")


def walked(page):
    """The page of runs once more, after another, by the menu."""
    for name in ("status", "runs"):
        page.query_params.clear()
        page.switch_page(f"../pages/{name}.py").run()
    return page


@pytest.mark.slow
def test_what_a_run_is_to_ask_is_there_when_one_comes_back_and_in_a_new_session(open_page, kept):
    page = open_page("runs")
    kind(page).set_value("A dataset").run()
    assert page.selectbox(key="questions").value == "death@1"
    page.selectbox(key="questions").set_value("life@1").run()
    said = {name: "".join(value) for name, value in page.query_params.items()}
    assert said == {"questions_from": "A dataset", "questions": "life@1"}
    for again in (walked(page), open_page("runs", **said)):
        assert (kind(again).value, again.selectbox(key="questions").value) == ("A dataset", "life@1")
    page.selectbox(key="questions").set_value("death@1").run()
    assert "".join(page.query_params["questions"]) == "death@1", "also the first is said, which keeps the kind"


@pytest.mark.slow
def test_the_id_at_the_hub_and_the_kind_of_a_file_are_kept(open_page):
    page = open_page("runs")
    kind(page).set_value("Hugging Face").run()
    page.text_input(key="questions_id").set_value("squad@train").run()
    said = {name: "".join(value) for name, value in page.query_params.items()}
    assert said == {"questions_from": "Hugging Face", "questions_id": "squad@train"}
    assert walked(page).text_input(key="questions_id").value == "squad@train"
    assert open_page("runs", **said).text_input(key="questions_id").value == "squad@train"
    kind(page).set_value("A file").run()
    assert kind(walked(page)).value == kind(open_page("runs", questions_from="A file")).value == "A file"
    kind(page).set_value("Hugging Face").run()
    assert page.text_input(key="questions_id").value == "squad@train"


@pytest.mark.slow
def test_a_link_to_a_dataset_chooses_it_and_another_kind_may_be_chosen_there(open_page, kept):
    page = open_page("runs", questions="life@1")
    assert (kind(page).value, page.selectbox(key="questions").value) == ("A dataset", "life@1")
    kind(page).set_value("Built in").run()
    assert kind(walked(page)).value == "Built in"
    kind(page).set_value("A dataset").run()
    assert page.selectbox(key="questions").value == "life@1"
    gone = open_page("runs", questions="gone@1")
    assert (kind(gone).value, gone.selectbox(key="questions").value) == ("A dataset", "death@1")


def test_a_result_that_is_not_there_is_said(open_page):
    page = open_page("stability", result="ffffffff")
    assert "There is no result" in page.error[0].value
