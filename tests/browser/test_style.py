"""What the style sheet does by itself, on a page of its own."""

import pytest
from playwright.sync_api import Browser

from app.views.kit.html import table_html
from app.views.kit.style import STYLE


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
