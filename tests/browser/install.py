"""Makes sure that there is a browser for the journeys: an installed one, Playwright's own, or Debian's package."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
)
"""The shell first: it is the same engine without windows, and takes a third of the processor time."""

PACKAGES = ("chromium-headless-shell", "chromium")
"""Debian's, the better one first; older releases have only the second."""

MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")


def find_browser() -> str | None:
    """Path of a Chromium or Chrome that is here, Playwright's own last; None if there is none."""
    for name in NAMES:
        found = shutil.which(name)
        if found:
            return found
    if MAC.exists():
        return str(MAC)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


def fetch_browser() -> None:
    """Fetch Playwright's own Chromium or, where that cannot be had and we are root, Debian's package."""
    print("No Chromium or Chrome is here; fetching Playwright's own", file=sys.stderr)
    fetched = subprocess.run(
        [sys.executable, "-m", "playwright", "install", "chromium"], capture_output=True, check=False
    )
    if fetched.returncode == 0 or os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    print("That failed; installing Debian's", file=sys.stderr)
    quiet = {"env": os.environ | {"DEBIAN_FRONTEND": "noninteractive"}, "stdout": subprocess.DEVNULL, "check": False}
    subprocess.run(["apt-get", "update", "-qq"], **quiet)
    for package in PACKAGES:
        installed = subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", package], **quiet)
        if installed.returncode == 0:
            return


def main() -> int:
    """0 if there is a browser or none is wanted, else 1."""
    if os.environ.get("BROWSER") == "0":
        print("BROWSER=0: the browser journeys are left out", file=sys.stderr)
        return 0
    if find_browser() is None:
        fetch_browser()
    if find_browser() is None:
        print(
            "There is no Chromium or Chrome and none could be fetched. Install one and run this again, "
            "or leave the browser journeys out with BROWSER=0.",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
