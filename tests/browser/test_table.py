"""The table's browser side on a page of its own: every text is text, rows open by mouse and keyboard, heads sort."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

ASSETS = Path(__file__).resolve().parents[2] / "app" / "assets"
NASTY = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script> **b**'
DATA: dict[str, Any] = {
    "label": NASTY,
    "columns": [
        {"name": "name", "head": NASTY, "kind": "question", "local": True},
        {"name": "ms", "head": "Time", "kind": "number", "local": True},
        {"name": "asked", "head": "Asked", "kind": "time", "up": "oldest", "down": "newest"},
    ],
    "rows": [
        {
            "key": "a",
            "opens": True,
            "href": "javascript:window.hacked=1",
            "cells": {"name": {"text": NASTY}, "ms": {"text": "3 ms", "value": 3}},
        },
        {
            "key": "b",
            "opens": True,
            "href": "traces?trace=b",
            "cells": {"name": {"text": "b"}, "ms": {"text": "20 ms", "value": 20}, "asked": {"text": "14:05"}},
        },
        {"key": "c", "opens": True, "href": "", "cells": {"name": {"text": "c"}}},
    ],
    "opens": True,
    "order": "newest",
    "picks": 2,
    "picked": [],
    "current": None,
    "tall": False,
}


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1280, "height": 600})
    page.route(
        "http://table.test/*", lambda route: route.fulfill(content_type="text/html", body="<main><div></div></main>")
    )
    page.goto("http://table.test/")
    page.add_style_tag(path=ASSETS / "table.css")
    body = '<div class="box"><table><caption></caption><thead></thead><tbody></tbody></table></div>'
    page.evaluate(
        """async ([body, script, data]) => {
            const held = document.querySelector("main div");
            held.innerHTML = body;
            window.done = [];
            const table = (await import(`data:text/javascript,${encodeURIComponent(script)}`)).default;
            window.draw = (data) => table({ data, parentElement: held,
                setTriggerValue: (_, value) => done.push(value), setStateValue: (_, value) => done.push(value) });
            draw(data);
        }""",
        [body, (ASSETS / "table.js").read_text("utf-8"), DATA],
    )
    yield page
    page.close()


def done(page: Page) -> list[Any]:
    found: list[Any] = json.loads(page.evaluate("JSON.stringify(done)"))
    return found


def names(page: Page) -> list[str]:
    return page.locator("tbody th").all_inner_texts()


def test_every_text_is_text_and_no_way_leads_elsewhere(page: Page) -> None:
    assert names(page)[0] == NASTY
    assert page.locator("img, script").count() == 0
    assert page.evaluate("window.hacked") is None
    assert [link.get_attribute("href") for link in page.get_by_role("link").all()] == [
        "http://table.test/traces?trace=b"
    ]


def test_a_row_opens_by_a_click_anywhere_and_by_the_keyboard(page: Page) -> None:
    page.locator("tbody tr").nth(1).locator("td").last.click()
    page.get_by_role("button", name="c", exact=True).focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Space")
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    assert [each["key"] for each in done(page)] == ["b", "b", "a"]


def test_what_was_opened_has_the_focus_that_the_table_had(page: Page) -> None:
    page.locator("tbody th .opener").nth(0).focus()
    page.keyboard.press("Enter")
    page.evaluate("document.querySelector('main').outerHTML = '<main data-testid=stMain><h1>opened</h1></main>'")
    page.wait_for_function("document.activeElement.textContent === 'opened'")


def test_columns_without_room_stand_in_the_first_cell_and_come_back_where_there_is_room(page: Page) -> None:
    named = {**DATA, "columns": [{**DATA["columns"][0], "head": "Question"}, *DATA["columns"][1:]]}
    page.evaluate("draw", named)
    shown = page.locator("thead th:visible")
    assert shown.count() == 3
    page.set_viewport_size({"width": 260, "height": 600})
    page.wait_for_function("document.querySelector('.folded') !== null")
    told = page.locator("tbody tr").nth(1)
    assert shown.count() < 3
    wide, room = page.evaluate("['scrollWidth', 'clientWidth'].map((side) => document.querySelector('.box')[side])")
    assert wide <= room
    assert "14:05" in told.locator("th").inner_text()
    page.set_viewport_size({"width": 1280, "height": 600})
    page.wait_for_function("document.querySelector('.folded') === null")
    assert shown.count() == 3


def test_heads_sort_here_or_ask_for_the_pages_order(page: Page) -> None:
    page.get_by_role("button", name="Time").click()
    assert names(page)[0] == "b"
    assert names(page)[-1] == "c"
    assert page.locator("th[aria-sort=descending]").all_text_contents() == ["Time▼", "Asked▼"]
    page.get_by_role("button", name="Time").click()
    assert names(page)[-1] == "c"
    assert names(page)[0] == NASTY
    page.get_by_role("button", name="Asked").click()
    assert done(page) == [{"what": "order", "order": "oldest"}]


@pytest.mark.parametrize("clicks", [1, 2])
def test_what_means_something_else_is_sorted_behind_the_others_in_either_direction(page: Page, clicks: int) -> None:
    values: list[dict[str, Any]] = [
        {"value": 9, "later": True},
        {},
        {"value": 5},
        {"value": 1, "later": True},
        {"value": 7},
    ]
    rows = [
        {"key": str(place), "cells": {"name": {"text": str(place)}, "ms": {"text": "", **value}}}
        for place, value in enumerate(values)
    ]
    page.evaluate("draw", {**DATA, "rows": rows})
    for _ in range(clicks):
        page.get_by_role("button", name="Time").click()
    assert names(page) == {1: ["4", "2", "0", "3", "1"], 2: ["2", "4", "3", "0", "1"]}[clicks]


def test_no_more_rows_are_ticked_than_may_be(page: Page) -> None:
    for place in range(3):
        page.get_by_role("checkbox").nth(place).check()
    assert done(page)[-1] == ["b", "c"]
    assert not page.get_by_role("checkbox").first.is_checked()


def test_one_row_is_reached_by_tab_and_focus_stays_when_rows_are_drawn_anew(page: Page) -> None:
    assert page.locator("tbody [tabindex='0']").count() == 2
    page.get_by_role("link").focus()
    page.evaluate("data => draw({ ...data, order: 'oldest' })", DATA)
    assert page.evaluate("document.activeElement.closest('tr').row.key") == "b"


ANSWERS: dict[str, Any] = {
    **DATA,
    "picks": 0,
    "columns": [
        {"name": "name", "head": "Question", "kind": "question"},
        {"name": "before", "head": "Before", "kind": "answer"},
        {"name": "after", "head": "After", "kind": "answer"},
    ],
    "rows": [
        {
            "key": "a",
            "opens": True,
            "href": "",
            "cells": {
                "name": {"text": "When was it?"},
                "before": {"text": f"in {NASTY}", "parts": [["in ", False], [NASTY, True]]},
                "after": {"text": "in the autumn of 1912, says Wegener, " * 3},
            },
        }
    ],
}


def test_marked_words_of_an_answer_are_text_too(page: Page) -> None:
    page.evaluate("draw", ANSWERS)
    assert page.locator("mark").all_text_contents() == [NASTY]
    assert page.locator("tbody td").first.inner_text() == f"in {NASTY}"
    assert page.locator("img, script").count() == 0


def test_two_answers_stand_beside_each_other_and_whole_one_above_the_other_where_it_is_narrow(page: Page) -> None:
    page.evaluate("draw", ANSWERS)
    one, other = (page.locator("tbody td").nth(place).bounding_box() for place in (0, 1))
    assert one
    assert other
    assert (one["y"], one["x"] + one["width"]) == (other["y"], other["x"])
    page.set_viewport_size({"width": 390, "height": 600})
    page.wait_for_function("document.querySelectorAll('.fold.answer').length === 2")
    one, other = (page.locator(".fold.answer").nth(place).bounding_box() for place in (0, 1))
    assert one
    assert other
    assert one["y"] + one["height"] <= other["y"]
    words = page.locator(".fold.answer .words")
    assert words.all_text_contents()[1] == ANSWERS["rows"][0]["cells"]["after"]["text"]
    high, room = words.nth(1).evaluate("(each) => [each.scrollHeight, each.clientHeight]")
    assert high == room
