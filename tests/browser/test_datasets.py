"""What a person does with a dataset of traces: filters, makes it, edits the expected answers in the table, runs over the version."""

from playwright.sync_api import expect

from tests.browser.conftest import rest


def test_dataset_is_made_of_filtered_traces_edited_and_run(visit):
    window = visit(height=1100)
    page = window.go()
    window.ask("What is a moraine?")
    window.go()
    window.ask("How many moons does Mars have?")
    page = window.go("/traces?search=moraine")
    rest(page)
    page.get_by_role("button", name="Make a dataset of these (1)").click()
    name = page.get_by_role("textbox", name="Name of the dataset")
    name.fill("life")
    name.press("Enter")
    rest(page)
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_text("1 trace gave 1 question", exact=False)).to_be_visible()
    rest(page)
    page.get_by_role("link", name="Edit the expected answers").click()
    page.wait_for_url("**/runs?dataset=life")
    expect(page.get_by_text("1 question, 1 without an expected answer", exact=False)).to_be_visible()
    expect(page.get_by_role("button", name="Run over it")).to_have_count(0)
    rest(page)
    grid = page.get_by_test_id("stDataFrame").first
    box = grid.locator("canvas").first.bounding_box()
    page.mouse.dblclick(box["x"] + 300, box["y"] + 52)
    cell = page.locator("textarea.gdg-input")
    cell.fill("a ridge of rubble")
    expect(cell).to_have_value("a ridge of rubble")
    # The grid takes over what its cell holds a moment later, of which the page shows nothing.
    page.wait_for_timeout(400)
    cell.press("Enter")
    expect(page.get_by_text("Not saved yet: 0 questions added, 0 removed, 1 changed.")).to_be_visible()
    rest(page)
    page.get_by_role("button", name="Save as a new version").click()
    expect(page.get_by_text("Saved as version 2: 1 question", exact=False)).to_be_visible()
    expect(page.get_by_test_id("dataset-changes")).to_contain_text("a ridge of rubble")
    rest(page)
    page.get_by_role("button", name="Run over it").click()
    page.wait_for_url("**/runs?questions=life%402")
    expect(page.get_by_role("combobox", name="Dataset")).to_have_value("life@2")
    rest(page)
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_role("button", name="Open this run")).to_be_visible()
    rest(page)
    page.get_by_role("button", name="Open this run").click()
    expect(page.get_by_text("1 of 1 questions of life@2", exact=False)).to_be_visible()
    assert window.elsewhere == []
    assert window.dialogs == []
