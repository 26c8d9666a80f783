"""Nothing is lost by walking about, by a reload, or while the server is away."""

import re
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import Visit, question_box, rest
from tests.served_dashboard import start

WEGENER = "Who proposed that continents drift?"


def go_by_menu(page, name: str) -> None:
    """Follow the menu's link to a page."""
    page.get_by_test_id("stSidebarNav").get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()
    rest(page)


def test_coming_back_finds_the_settings_the_answer_and_a_half_typed_question(visit):
    page = visit().go("/")
    box = question_box(page)
    box.fill(WEGENER)
    box.press("Enter")
    page.wait_for_url("**/ask?*trace=*")
    expect(page.get_by_test_id("answer")).to_contain_text("Wegener")
    rest(page)
    chunks = page.get_by_label("Chunks to retrieve", exact=True)
    chunks.fill("3")
    chunks.press("Enter")
    page.wait_for_url("**/ask?*top_k=3*")
    question_box(page).fill("Why do vol")
    go_by_menu(page, "Status")
    go_by_menu(page, "Ask")
    expect(page.get_by_test_id("answer")).to_contain_text("Wegener")
    expect(page.get_by_label("Chunks to retrieve", exact=True)).to_have_value("3")
    expect(page.get_by_label("Question", exact=True)).to_have_value("Why do vol")
    page.reload()
    rest(page)
    expect(page.get_by_test_id("answer")).to_contain_text("Wegener")
    box = page.get_by_label("Question", exact=True)
    expect(box).to_have_value("Why do vol")
    box.press("End")
    box.press_sequentially("canoes erupt?")
    box.press("Enter")
    expect(page.get_by_test_id("question")).to_contain_text("Why do volcanoes erupt?")


def test_the_way_to_the_page_one_is_on_closes_what_is_open_there(visit):
    window = visit()
    window.go()
    window.ask(WEGENER)
    page = window.go("/traces?outcome=answered")
    page.get_by_test_id("table").locator("tbody a").first.click()
    page.wait_for_url("**/traces?trace=*")
    rest(page)
    menu = page.get_by_test_id("stSidebarNav")
    menu.get_by_role("link", name="Traces", exact=True).click()
    page.wait_for_url("**/traces?outcome=answered")
    expect(page.get_by_test_id("table").locator("tbody tr").first).to_be_visible()
    go_by_menu(page, "Ask")
    window.ask(WEGENER)
    rest(page)
    menu.get_by_role("link", name="Ask", exact=True).click()
    page.wait_for_url("**/ask")
    expect(page.get_by_test_id("question")).to_have_count(0)
    expect(question_box(page)).to_have_value("")


def test_the_presenters_view_stays_in_the_address_and_back_leads_one_page_back(visit):
    page = visit(1280, 900, color_scheme="light").go("/?present=1")  # options of its own: a cookie of its own
    strip = page.locator(".st-key-presenting")
    for name in ("Live", "Status"):
        strip.get_by_role("link", name=name, exact=True).click()
        page.wait_for_url(f"**/{name.lower()}?present=1")
        rest(page)
        expect(strip.locator("[aria-current=page] p")).to_have_text([name])
    page.go_back()
    page.wait_for_url("**/live?present=1")
    expect(page.get_by_role("heading", name="Live", level=1)).to_be_visible()
    expect(page.locator(".st-key-backstage-live")).to_be_attached()
    expect(page.locator(".st-key-backstage-live")).to_be_hidden()
    page.goto(page.url.replace("/live?", "/traces?trace=none&"))
    rest(page)
    strip.get_by_role("link", name="Overview", exact=True).click()
    page.wait_for_url(re.compile(r"//[^/]+/\?present=1$"))


def test_a_server_that_is_away_is_said_in_our_words_and_the_page_comes_back(visit, tmp_path: Path):
    process, running = start(tmp_path)
    port = running.url.rpartition(":")[2]
    window = Visit(visit().page, running.url)
    page = window.go()
    question_box(page).fill("Why do vol")
    process.kill()
    process.wait(30)
    away = page.get_by_role("alert").filter(has_text="Raglass is not answering")
    expect(away).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    with page.expect_event("load"):  # the page comes back anew
        process, _ = start(tmp_path, port=int(port))
    try:
        expect(away).to_have_count(0)
        expect(question_box(page)).to_have_value("Why do vol")
        window.ask(WEGENER)
        expect(page.get_by_test_id("answer")).to_contain_text("Wegener")
    finally:
        page.close()
        process.terminate()
        process.wait(30)


def test_back_leads_to_the_page_that_a_row_was_opened_on(visit):
    window = visit()
    window.go()
    window.ask(WEGENER)
    question_box(window.page).fill("What is half typed")
    page = window.go("/")
    rows = page.get_by_test_id("table").locator("tbody tr")
    rows.filter(has_text=WEGENER).first.click()
    page.wait_for_url("**/traces?trace=*")
    expect(page.get_by_test_id("answer")).to_contain_text("Wegener")
    trace = page.url.rsplit("=", 1)[1]
    page.go_back()
    expect(page.get_by_role("heading", name="Overview", level=1)).to_be_visible()
    expect(rows.filter(has_text=WEGENER).first).to_be_visible()
    assert page.url == f"{window.base}/"
    window.go("/ask")
    window.ask("Why do volcanoes erupt?")
    window.go(f"/ask?trace={trace}")  # a link shows the question that it leads to, whatever was typed elsewhere
    rest(page)
    expect(page.get_by_test_id("answer")).to_contain_text("Wegener")
    expect(page.get_by_label("Question", exact=True)).to_have_value("What is half typed")
    window.go(f"/?trace={trace}")  # a link of the time when Ask was the first page
    page.wait_for_url(f"**/ask?trace={trace}")


def test_what_a_row_opens_is_seen_from_its_top(visit):
    page = visit(1280, 500).go("/corpus")
    row = page.get_by_test_id("table").locator("tbody tr").nth(15)
    row.scroll_into_view_if_needed()
    main = page.get_by_test_id("stMain")
    assert main.evaluate("main => main.scrollTop") > 100
    page.wait_for_function("window.raglassWalk?.clock")
    row.click()
    page.wait_for_url("**/corpus?*document=*")
    rest(page)
    assert main.evaluate("main => main.scrollTop") == 0
