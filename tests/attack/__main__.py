"""Prints what was tried, what came back, and whether the dashboard held; leaves with 1 if it did not hold once.

Needs Linux and a Chromium; nothing leaves this machine.
"""

import sys
import tempfile
import textwrap
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.attack.pages import PAGES, opened_browser
from tests.attack.target import SECRETS, Attack, Outcome, Target
from tests.attack.wire import WIRE, look_for_secrets
from tests.browser.install import find_browser
from tests.served_dashboard import start

WIDTHS = (62, 60)
"""Characters of the table's columns: what was tried, what came back."""


def main() -> int:
    """The status to leave with."""
    path = find_browser()
    if path is None:
        sys.stderr.write("There is no browser: run `make browser`.\n")
        return 2
    failed = 0
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        data = Path(folder, "data")
        data.mkdir(mode=0o700)
        process, served = start(data, **SECRETS, RAGLASS_MASK="secret")
        try:
            target = Target(served.url, served.data_dir, served.log)
            with opened_browser(playwright, path) as browser:
                target.browser.append(browser)
                for attack in (
                    *WIRE,
                    *PAGES,
                    Attack("keys in any of that, in the log or in the process list", look_for_secrets, False),
                ):
                    outcome = tried(attack, target)
                    failed += not outcome.held
                    sys.stdout.write(row(attack, outcome))
                    sys.stdout.flush()
        finally:
            process.terminate()
            process.wait(30)
    sys.stdout.write(f"\n{failed or 'none'} of {len(WIRE) + len(PAGES) + 1} did not hold\n")
    return 1 if failed else 0


def tried(attack: Attack, target: Target) -> Outcome:
    """What an attack came to; one that could not be carried out proves nothing, and so counts as not held."""
    try:
        return attack.run(target)
    except Exception as error:  # noqa: BLE001 - whatever went wrong belongs into the table
        return Outcome(False, f"could not be tried: {type(error).__name__}: {error}".replace("\n", " ")[:300])


def row(attack: Attack, outcome: Outcome) -> str:
    """A row of the table."""
    left, right = (
        textwrap.wrap(text, width) for text, width in zip((attack.tried, outcome.came_back), WIDTHS, strict=True)
    )
    height = max(len(left), len(right))
    marks = ["held" if outcome.held else "NOT HELD", *[""] * (height - 1)]
    lines = zip(left + [""] * (height - len(left)), right + [""] * (height - len(right)), marks, strict=True)
    return "".join(f"{one:<{WIDTHS[0]}}  {other:<{WIDTHS[1]}}  {mark}".rstrip() + "\n" for one, other, mark in lines)


if __name__ == "__main__":
    sys.exit(main())
