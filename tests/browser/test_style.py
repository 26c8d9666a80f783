"""What the style sheet does by itself, on a page of its own."""

import pytest
from playwright.sync_api import Browser

from app.views.kit.html import table_html
from app.views.kit.style import STYLE
from app.views.traces.html import MIDDLING, SHORT, answer_html

PROSE = (
    "The river is about six thousand four hundred kilometres long, and carries more water than any other river on Earth. "
    * 3
)


@pytest.mark.parametrize(("width", "cut"), [(300, True), (1280, False)])
def test_a_table_fades_where_it_goes_on_until_one_has_scrolled_to_its_end(
    browser: Browser, width: int, cut: bool
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 600})
    page.set_content(STYLE + str(table_html([f"measurement{n}" for n in range(6)], [["1"] * 6], "t")))
    table = page.locator(".rg-wide")
    assert table.evaluate("it => getComputedStyle(it).maskImage !== 'none'") == cut
    table.evaluate("it => { it.scrollLeft = it.scrollWidth }")
    page.wait_for_function("getComputedStyle(document.querySelector('.rg-wide')).maskImage === 'none'")
    page.close()


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("length", [SHORT, MIDDLING, MIDDLING + 80])
def test_display_type_never_takes_more_than_three_lines(browser: Browser, width: int, length: int) -> None:
    """What is longer, or on a phone, is set no larger than a text that is read."""
    page = browser.new_page(viewport={"width": width, "height": 600})
    page.set_content(f'{STYLE}<main style="padding: 0 1rem">{answer_html(PROSE[:length])}</main>')
    lines, size = page.locator(".rg-answer").evaluate(
        "it => [it.offsetHeight / parseFloat(getComputedStyle(it).lineHeight), parseFloat(getComputedStyle(it).fontSize) / 16]"
    )
    assert round(lines) <= 3 or size <= 1.1 + 1e-6
    page.close()
