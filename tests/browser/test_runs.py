"""What a person does with the Runs page: start a run, leave it, stop it, go on, study it, hold it against another."""

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from metrics.store import TraceStore
from tests.browser.conftest import Visit, rest, write_plugin
from tests.served_dashboard import Dashboard, start

PLUGIN = """
from pathlib import Path

from backends.fake import Script, ScriptedBackend


class Noted(ScriptedBackend):
    def answer(self, *asked, **how):
        with Path(__file__).with_name("asked").open("a") as file:
            file.write("(")
            file.flush()
            trace = super().answer(*asked, **how)
            file.write(")")
        return trace


def slow(config):
    return Noted(Script(delays_s={"generate": 1.0}), name="test/slow")


def oslo(config):
    return ScriptedBackend(Script(tokens=("It", " is", " Oslo.")), name="test/oslo")


def script(config):
    return ScriptedBackend(name="test/script")
"""

QUESTIONS = 12


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds those backends, and a file `asked` where the slow one opens a bracket for each question and closes it once it is answered."""
    folder = tmp_path_factory.mktemp("packages")
    write_plugin(folder, PLUGIN, "test/slow = slow", "test/oslo = oslo", "test/script = script")
    return folder


@pytest.fixture(scope="module")
def dashboard(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A dashboard with a backend that takes its time, and two that say different things."""
    process, running = start(tmp_path_factory.mktemp("data"), PYTHONPATH=str(packages))
    yield running
    process.terminate()
    process.wait(30)


@pytest.fixture(scope="module")
def questions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of labelled questions, every third of which the script answers."""
    path = tmp_path_factory.mktemp("questions") / "mine.csv"
    rows = [f"Question {n}?,{'script' if n % 3 else 'Oslo'},{'DATE' if n % 2 else 'PERSON'}" for n in range(QUESTIONS)]
    path.write_text("\n".join(["question,answer,type", *rows]), "utf-8")
    return path


def begin(window: Visit, backend: str, file: Path | None = None, *, limit: int = 200) -> Page:
    """Start a run from the form."""
    page = window.go("/runs")
    form = page.locator("details").filter(has_text="Start a run")
    form.wait_for()
    if form.get_attribute("open") is None:
        form.locator(":scope > summary").click()
    if file is not None:
        form.get_by_text("A file", exact=True).click()
        page.locator("input[type=file]").set_input_files(file)
        expect(page.get_by_test_id("stFileUploader").get_by_text(file.name)).to_be_visible()
    choose_backend(page, backend)
    most = page.get_by_role("spinbutton", name="Questions, at most")
    most.fill(str(limit))
    most.press("Enter")
    expect(form.get_by_text(re.compile(f"{limit} questions.* {backend}"))).to_be_visible()  # the form knows all of it
    page.locator("[data-test-script-state=notRunning]").wait_for()  # a button that is drawn anew loses a click
    page.get_by_role("button", name="Start", exact=True).click()
    return page


def choose_backend(page: Page, backend: str) -> None:
    """Pick it as a person does: again, where the page was drawn anew under the open list and closed it unpicked.

    Left first: until then the box shows what was typed, and the same words typed over them open no list.
    """
    box = page.get_by_role("combobox", name="Backend")
    form = page.locator("details").filter(has_text="Start a run")
    known = form.get_by_text(re.compile(f"questions.* {backend}"))  # the estimate names what the server was told
    until = time.monotonic() + 60
    while not known.is_visible():
        assert time.monotonic() < until, page.get_by_test_id("stMain").inner_text()
        page.locator("[data-test-script-state=notRunning]").wait_for()
        box.blur()
        box.fill(backend)
        box.press("Enter")
        with suppress(AssertionError):
            expect(known).to_be_visible(timeout=5_000)
    expect(box).to_have_value(backend)


def run_to_its_end(
    window: Visit, dashboard: Dashboard, backend: str, file: Path | None = None, *, limit: int = 200
) -> Page:
    """Start a run, wait until it is kept as finished, and open the list that shows it."""
    before = finished(dashboard)
    page = begin(window, backend, file, limit=limit)
    until = time.monotonic() + 60
    while finished(dashboard) == before:
        assert time.monotonic() < until, page.get_by_test_id("stMain").inner_text()
        page.wait_for_timeout(200)
    page = window.go("/runs")
    expect(page.get_by_role("button", name="Open this run")).to_be_visible()
    return page


def finished(dashboard: Dashboard) -> set[str]:
    """The runs that have ended, as the store has them."""
    with TraceStore.open(f"sqlite:///{dashboard.data_dir}/traces.sqlite") as store:
        return {run.run_id for run in store.runs.newest() if run.status == "finished"}


def test_run_goes_on_while_one_looks_elsewhere_stops_and_is_gone_on_with(
    visit: Callable[..., Visit], questions: Path, packages: Path
) -> None:
    window = visit()
    page = begin(window, "test/slow", questions)
    expect(page.get_by_text(f"of {QUESTIONS} asked", exact=False)).to_be_visible()
    window.go("/status")
    page = window.go("/runs")
    expect(page.get_by_text(f"of {QUESTIONS} asked", exact=False)).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Paused.", exact=False)).to_be_visible()
    window.go("/status")
    page = window.go("/runs")
    expect(page.get_by_text("Paused.", exact=False)).to_be_visible()
    asked = packages / "asked"
    while (before := asked.read_text()).endswith("("):  # the question that was under way is answered first
        page.wait_for_timeout(50)
    expect(page.get_by_text(f"{before.count(')')} of {QUESTIONS} asked", exact=False)).to_be_visible()
    page.wait_for_timeout(1_500)  # in which one more would have been begun
    assert asked.read_text() == before
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    open_run(page, 0)
    expect(page.get_by_text("running:", exact=False)).to_be_visible()
    page.wait_for_url("**/runs?*run=*")
    rest(page)
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("stopped:", exact=False)).to_be_visible()
    page.get_by_role("button", name="Go on with it").click()
    expect(page.get_by_text(f"of {QUESTIONS} asked", exact=False)).to_be_visible()
    page.get_by_role("button", name="Open this run").click()
    expect(page.get_by_text(f"finished: {QUESTIONS} of {QUESTIONS} questions of mine.csv", exact=False)).to_be_visible()
    expect(page.get_by_test_id("stMetric").filter(has_text="Right").first).to_contain_text("66.7 %")
    explain = page.get_by_role("button", name="Explain them")
    explain.click()
    expect(page.get_by_text(f"Explained 1 of {QUESTIONS} answers")).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_test_id("labels")).to_be_visible()  # what was explained is kept
    expect(page.get_by_role("button", name="Stop")).to_be_hidden()
    explain.click()
    expect(page.get_by_text(re.compile(f"Explained [2-9] of {QUESTIONS} answers"))).to_be_visible()


def open_run(page: Page, row: int) -> None:
    """Open a run of the table, newest first."""
    rest(page)
    page.get_by_test_id("table").first.locator("tbody tr").nth(row).click()


def pick(page: Page, row: int) -> None:
    """Tick the box of a row."""
    page.get_by_test_id("table").first.get_by_role("checkbox").nth(row).check()
    rest(page)


def test_results_are_studied_by_type_and_a_question_is_opened(
    visit: Callable[..., Visit], dashboard: Dashboard
) -> None:
    window = visit()
    page = run_to_its_end(window, dashboard, "local/embedded", limit=40)
    open_run(page, 0)
    expect(page.get_by_text("finished: 40 of 40 questions of builtin", exact=False)).to_be_visible()
    expect(page.locator(".js-plotly-plot").first).to_contain_text("all (40)")
    page.get_by_text("Every measure").click()
    expect(page.get_by_test_id("measures")).to_contain_text("Recall@1")
    page.get_by_role("button", name="Explain them").click()
    expect(page.get_by_test_id("labels")).to_contain_text("correct")
    expect(page.get_by_text("retriever loss", exact=False)).to_be_visible()
    assert json.loads(window.saved("Download JSON"))["results"][0]["questions"] == 40
    assert window.elsewhere == []


def test_a_run_is_held_against_another_and_a_flipped_question_opened(
    visit: Callable[..., Visit], dashboard: Dashboard
) -> None:
    window = visit()
    for _ in range(2):
        page = run_to_its_end(window, dashboard, "local/embedded", limit=40)
    pick(page, 0)
    pick(page, 1)
    page.get_by_role("button", name="Compare the two runs").click()
    expect(page.get_by_text("Safe to ship", exact=False)).to_be_visible()
    expect(page.get_by_text("No question changed sides", exact=False)).to_be_visible()
    page.get_by_text("Every figure").click()
    expect(page.get_by_test_id("compared")).to_contain_text("Expected in answer")


def test_a_question_that_changed_sides_is_followed_to_its_traces(
    visit: Callable[..., Visit], dashboard: Dashboard, questions: Path
) -> None:
    """Eight of the twelve are right by the one, the other four by the other."""
    window = visit()
    for backend in ("test/script", "test/oslo"):
        page = run_to_its_end(window, dashboard, backend, questions)
    pick(page, 0)
    pick(page, 1)
    page.get_by_role("button", name="Compare the two runs").click()
    expect(page.get_by_text("backend test/script / test/oslo", exact=False)).to_be_visible()
    expect(page.get_by_text("12 questions changed sides", exact=False)).to_be_visible()
    rest(page)
    page.get_by_test_id("table").last.locator("tbody tr").first.click()
    page.wait_for_url(re.compile("trace=[0-9a-f]{32}&with=[0-9a-f]{32}"))
    expect(page.get_by_text("Sentence 1 of the script.").first).to_be_visible()
    expect(page.get_by_text("It is Oslo.").first).to_be_visible()
    assert window.elsewhere == []


def test_the_report_of_a_run_is_read_by_someone_without_raglass(
    visit: Callable[..., Visit], dashboard: Dashboard, questions: Path, tmp_path: Path
) -> None:
    window = visit()
    page = run_to_its_end(window, dashboard, "test/oslo", questions)
    open_run(page, 0)
    file = tmp_path / "report.html"
    file.write_text(window.saved("Download report"), "utf-8")
    reader = visit(width=390)
    page = reader.page
    page.goto(file.as_uri())
    expect(page.get_by_role("heading", name="Evaluation of test/oslo")).to_be_visible()
    expect(page.get_by_text("33.3 %").first).to_be_visible()
    expect(page.get_by_text("Question 1?", exact=False).first).to_be_visible()  # a wrong answer
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_an_unsure_question_type_is_decided_and_stays_so(
    visit: Callable[..., Visit], dashboard: Dashboard, tmp_path: Path
) -> None:
    untyped = tmp_path / "untyped.csv"
    untyped.write_text(
        "question,answer\nWhen was the treaty signed?,1648\n"
        "What did the committee of the club in Norwich do about the lake?,drained it\n",
        "utf-8",
    )
    window = visit()
    page = run_to_its_end(window, dashboard, "test/oslo", untyped)
    open_run(page, 0)
    types = page.get_by_test_id("stExpander").filter(has_text="Question types")
    expect(page.get_by_text("1 that rules and classifier agree on, 1 unsure", exact=False).first).to_be_visible()
    types.locator("summary").click()
    keep = page.get_by_role("button", name="Keep these types")
    expect(keep).to_be_disabled()
    table = types.get_by_test_id("stDataFrame")
    expect(table).to_be_visible()
    page.wait_for_timeout(1_500)  # the expander opens slowly, and the table is drawn anew to its width
    box = table.bounding_box()
    assert box is not None
    table.dblclick(position={"x": box["width"] - 40, "y": 54})
    page.keyboard.type("PROC", delay=50)
    expect(page.get_by_role("option", name="PROCESS")).to_be_visible()
    page.keyboard.press("Enter")
    expect(keep).to_be_enabled()
    keep.click()
    expect(
        page.get_by_text("1 chosen by a person, 1 that rules and classifier agree on", exact=False).first
    ).to_be_visible()
    page = window.go(page.url.removeprefix(window.base))
    expect(page.get_by_text("1 chosen by a person", exact=False).first).to_be_visible()
    expect(page.locator(".js-plotly-plot").first).to_contain_text("PROCESS (1)")


def test_what_is_no_dataset_is_said_and_starts_nothing(visit: Callable[..., Visit], tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("name,value\na,1\n", "utf-8")
    page = begin(visit(), "test/slow", bad)
    expect(page.get_by_text("question and answer are needed", exact=False)).to_be_visible()


def test_a_run_that_is_not_there_is_said(visit: Callable[..., Visit]) -> None:
    page = visit().go("/runs?run=ffffffff")
    expect(page.get_by_text("There is no run", exact=False)).to_be_visible()
