"""`make pictures`: the pictures of the README, from a real dashboard: one a page, and a moving one of a question and what became of it.

Everything in them is asked and measured while they are taken, on this machine, of the built-in documents. `python -m tests.pictures
--widths 1280,1600,390 --themes light,dark --out FOLDER` shows how pages look in other windows.
"""

import argparse
import io
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from threading import Event

import numpy as np
from PIL import Image
from playwright.sync_api import Locator, Page, expect, sync_playwright

from app.asking.questions import Question
from app.config import Settings
from app.demonstration.preparing import FIRST_QUESTION, LOCAL, prepare
from app.demonstration.stream import question_sets
from app.services import Services
from app.stability.kept import KeptStability
from app.stability.measuring import measure
from app.stability.perturbed import StabilityPlan
from evaluation.datasets import BUILTIN
from tests.browser.conftest import ARGUMENTS, question_box, rest
from tests.browser.install import find_browser
from tests.served_dashboard import start

FOLDER = Path(__file__).parent.parent / "docs" / "images"
WIDTH, HEIGHT = 1280, 800
"""Of the window, in pixels, unless another width is asked for."""

THEMES = ("light", "dark")

NARROWEST = 200
"""Of windows, in pixels."""

ASKED = 60
"""Questions that are asked before, so that no page is empty."""

VARIED, VARIANTS = 20, 1
"""Questions of which variants are asked, and how many of each way."""

FLAT, COLOURS = 128, 256
"""Colours of a still picture: the most frequent, which it has exactly, and all. Pages are flat, and so their files small."""

MOVING_WIDTH, MOVING_QUALITY, MOST_BYTES = 960, 55, 1_500_000
"""Of the moving picture: pixels, WebP's quality, and the largest file."""

KEY_MS, LOOK_MS, READ_MS = 60, 400, 2600
"""How long a frame stays: while something is typed, while something comes, and where there is something to read."""

SETTLE_MS = 1500
"""What charts take to be drawn once a page is at rest."""

DRAWN_MS, LOOKS = 50, 200
"""How long to wait before looking again whether a page is drawn, and how often to look."""

DARK, INK = 128, 0.002
"""What is darker than this (of 255) is ink, and the least share of it in a page that is drawn: one that comes or goes is pale."""

PAGES = {
    "overview": "",
    "ask": "ask?trace={trace}",
    "compare": "compare?first={trace}&second={other}",
    "explain": "explain?trace={trace}",
    "live": "live?window=15%20min",
    "traces": "traces",
    "runs": "runs",
    "runs-compared": "{compared}",
    "stability": "stability?result={stability}",
    "lab": "lab",
    "corpus": "corpus",
    "status": "status",
}
"""Addresses by the picture's name."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What pictures are wanted."""

    widths: tuple[int, ...]
    """Of the windows, in pixels."""
    themes: tuple[str, ...]
    """Some of THEMES."""
    out: Path
    """The folder that they go to."""

    @property
    def is_usual(self) -> bool:
        """Whether these are the README's, which has a moving picture too."""
        return (self.widths, self.themes) == ((WIDTH,), THEMES[:1])

    def name(self, page: str, width: int, theme: str) -> str:
        """Of the picture of a page, without its ending: what there are several of is said in it."""
        more = [str(width)] * (self.widths != (WIDTH,)) + [theme] * (self.themes != THEMES[:1])
        return "-".join((page, *more))


def read_arguments(arguments: Sequence[str]) -> Asked:
    """What a command line asks for. Leaves with 2 where it cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m tests.pictures", description="Pictures of every page.")
    parser.add_argument("--widths", type=_widths, default=(WIDTH,), help=f"of windows, in pixels; {WIDTH}")
    parser.add_argument("--themes", type=_themes, default=THEMES[:1], help=f"some of {','.join(THEMES)}; {THEMES[0]}")
    parser.add_argument("--out", type=Path, default=FOLDER, help="the folder that they go to; docs/images")
    return Asked(**vars(parser.parse_args(arguments)))


def _widths(text: str) -> tuple[int, ...]:
    widths = tuple(map(int, text.split(",")))
    if min(widths) < NARROWEST:
        raise argparse.ArgumentTypeError(f"a window is {NARROWEST} pixels wide or more")
    return widths


def _themes(text: str) -> tuple[str, ...]:
    themes = tuple(text.split(","))
    if not set(themes) <= set(THEMES):
        raise argparse.ArgumentTypeError(f"{text!r}: themes are {' and '.join(THEMES)}")
    return themes


def main(arguments: Sequence[str] | None = None) -> int:
    """The status to leave with."""
    asked, path = read_arguments(sys.argv[1:] if arguments is None else arguments), find_browser()
    if path is None:
        sys.stderr.write("There is no browser: run `make browser`.\n")
        return 2
    asked.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        known = fill(Path(folder))
        process, dashboard = start(Path(folder))
        try:
            with sync_playwright() as playwright:
                launched = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
                for width, theme in product(asked.widths, asked.themes):
                    with opened(launched, width, theme) as page:
                        for name, address in PAGES.items():
                            page.goto(f"{dashboard.url}/{address.format(**known)}")
                            settle(page)
                            say(keep_still(page, asked.out / f"{asked.name(name, width, theme)}.png"))
                        if asked.is_usual:
                            say(keep_moving(page, dashboard.url, known, asked.out / "raglass.webp"))
                launched.close()
        finally:
            process.terminate()
            process.wait(30)
    return 0


def say(path: Path) -> None:
    """What was written, and its size."""
    sys.stdout.write(f"{os.path.relpath(path)}: {path.stat().st_size / 1000:.0f} kB\n")
    sys.stdout.flush()


def fill(folder: Path) -> dict[str, str]:
    """Ask what the pages show; ids and addresses by their names in PAGES."""
    services = Services(Settings(data_dir=folder))
    try:
        links = prepare(services, stack=False, tell=lambda line: None)
        for text in question_sets()["usual"][:ASKED]:
            services.asking.ask(Question(text, LOCAL, 5, 30.0))
        asked = [services.asking.ask(Question(FIRST_QUESTION, LOCAL, top_k, 30.0)).trace.trace_id for top_k in (5, 2)]
        services.lab.begin("profile", {"dataset": BUILTIN, "backend": LOCAL}).work()
        return {
            "trace": asked[0],
            "other": asked[1],
            "compared": links["Two runs compared"],
            "stability": vary(services, folder),
        }
    finally:
        services.close()


def vary(services: Services, folder: Path) -> str:
    """Ask some questions in other words and over other chunks; the id of what came of it."""
    plan = StabilityPlan(BUILTIN, LOCAL, 5, 30.0, limit=VARIED, variants=VARIANTS)
    *_, last = measure(services.evaluations, KeptStability(folder), plan, Event())
    return last.run_id


@contextmanager
def opened(browser, width: int, theme: str) -> Iterator[Page]:
    """A window of the browser."""
    page = browser.new_page(viewport={"width": width, "height": HEIGHT}, color_scheme=theme)
    try:
        yield page
    finally:
        page.close()


def settle(page: Page) -> None:
    """Wait until there is nothing more to come."""
    page.get_by_test_id("stMain").get_by_role("heading").first.wait_for()
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
    rest(page)
    page.wait_for_timeout(SETTLE_MS)
    rest(page)


def keep_still(page: Page, path: Path) -> Path:
    """A picture of what is in the window."""
    in_few_colours(picture(page)).save(path, optimize=True)
    return path


def in_few_colours(still: Image.Image) -> Image.Image:
    """A picture in COLOURS colours: flat ones as they are, and none far from what it was, be there ever so little of it."""
    found = still.getcolors(still.width * still.height) or []
    flat = [colour for _, colour in sorted(found, reverse=True)[:FLAT]]
    others = still.quantize(COLOURS - FLAT, method=Image.Quantize.MAXCOVERAGE).getpalette() or []
    palette = np.array([*flat, *zip(*[iter(others[: 3 * (COLOURS - FLAT)])] * 3, strict=True)], np.int32)
    shades, places = np.unique(np.asarray(still).reshape(-1, 3), axis=0, return_inverse=True)
    # Pillow's own mapping goes by the upper bits, so that white would be no white.
    nearest = [((palette - shade) ** 2).sum(axis=1).argmin() for shade in shades.astype(np.int32)]
    small = Image.fromarray(np.array(nearest, np.uint8)[places].reshape(still.height, still.width), "P")
    small.putpalette(palette.astype(np.uint8).tobytes())
    return small


def picture(page: Page) -> Image.Image:
    """What is in the window."""
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


def drawn_picture(page: Page) -> Image.Image:
    """What is in the window, once the page there is drawn: neither white nor pale, and nothing in it that is still to come."""
    main = page.get_by_test_id("stMain")
    for _ in range(LOOKS):
        if page.get_by_test_id("stSkeleton").count() == 0 and main.get_by_role("heading").count():
            found, box = picture(page), main.bounding_box()
            if box is not None and share_of_ink(found, int(box["x"])) >= INK:
                return found
        page.wait_for_timeout(DRAWN_MS)
    raise AssertionError(f"the page at {page.url} is not drawn after {LOOKS * DRAWN_MS / 1000:g} s")


def share_of_ink(frame: Image.Image, left: int) -> float:
    """The share of dark pixels right of a menu. left: where that ends, in pixels."""
    page = frame.crop((left, 0, frame.width, frame.height)).convert("L")
    return sum(page.histogram()[:DARK]) / (page.width * page.height)


class Film:
    """Frames, each with how long it stays."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.frames: list[tuple[Image.Image, int]] = []

    def take(self, ms: int) -> None:
        """A frame of a page that is drawn; one that is as the one before lengthens that."""
        frame = drawn_picture(self._page).resize(
            (MOVING_WIDTH, MOVING_WIDTH * HEIGHT // WIDTH), Image.Resampling.LANCZOS
        )
        if self.frames and self.frames[-1][0].tobytes() == frame.tobytes():
            self.frames[-1] = (frame, self.frames[-1][1] + ms)
        else:
            self.frames.append((frame, ms))

    def watch(self, until: Locator) -> None:
        """Frames while something comes, then one to read."""
        for _ in range(100):
            self.take(LOOK_MS)
            if until.first.is_visible():
                break
        settle(self._page)
        self.take(READ_MS)

    def save(self, path: Path, quality: int) -> None:
        """An animated WebP that goes round."""
        (first, _), *others = self.frames
        shown = {"duration": [ms for _, ms in self.frames], "quality": quality, "method": 6, "loop": 0}
        first.save(path, save_all=True, append_images=[frame for frame, _ in others], **shown)


def keep_moving(page: Page, url: str, known: dict[str, str], path: Path) -> Path:
    """A question is typed and answered, its answer explained, and two answers are compared."""
    film = Film(page)
    page.goto(f"{url}/ask")
    settle(page)
    film.take(LOOK_MS)
    box = question_box(page)
    box.focus()
    for end in range(0, len(FIRST_QUESTION), 3):
        box.press_sequentially(FIRST_QUESTION[end : end + 3])
        film.take(KEY_MS)
    box.press("Enter")
    film.watch(page.get_by_test_id("trust"))
    page.get_by_test_id("stMain").get_by_role("link", name="Explain", exact=True).last.click()
    film.watch(page.get_by_text("Can this be believed", exact=False))
    page.goto(f"{url}/{PAGES['compare'].format(**known)}")
    settle(page)
    film.watch(page.get_by_test_id("stages"))
    quality = MOVING_QUALITY
    film.save(path, quality)
    while path.stat().st_size > MOST_BYTES and quality > 10:
        quality -= 10
        film.save(path, quality)
    return path


if __name__ == "__main__":
    sys.exit(main())
