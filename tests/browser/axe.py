"""What axe finds on a page, and which of it counts."""

from importlib.resources import files
from typing import Any

from playwright.sync_api import Page

from tests.browser.conftest import rest

GRAVE = {"serious", "critical"}

HELD = {"heading-order", "page-has-heading-one"}
"""Rules that no page breaks, though axe calls them moderate."""

NOT_OURS = {
    "skip-link": "Streamlit's own link past the sidebar: where it leads gets the focus by a script.",
    "presentation-role-conflict": "Streamlit's box for files has a role and a name; its button inside has both right.",
}
"""Rules that Streamlit's own parts break and that we cannot mend, none of them grave, each with why."""

FIND = """rules => axe.run(document, {resultTypes: ["violations"], ...(rules ? {runOnly: rules} : {})}).then(
  done => done.violations.map(each => ({rule: each.id, impact: each.impact, where: each.nodes.map(node => node.html.slice(0, 160))})))"""


def findings(page: Page, *rules: str) -> list[dict[str, Any]]:
    """What axe finds on a page at rest. rules: only these; all if none is given."""
    rest(page)
    page.locator("[data-testid=stSidebarNavItems][role=presentation], .st-key-presenting").first.wait_for(
        state="attached"
    )
    page.locator("[data-testid=stMain] [data-stale=true]").first.wait_for(state="detached")
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8"))
    found: list[dict[str, Any]] = page.evaluate(FIND, list(rules) or None)
    return found


def grave(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        each for each in found if (each["impact"] in GRAVE or each["rule"] in HELD) and each["rule"] not in NOT_OURS
    ]
