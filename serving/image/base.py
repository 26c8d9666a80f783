"""A root file system to build on where no registry can be asked: Debian with its Python, made once and kept under `.rehearsal/`."""

import shutil
from pathlib import Path

from pipeline.errors import Unavailable
from serving.image.engine import call
from serving.rehearsal.environments import CACHE

SUITE = "trixie"
"""Its Python is 3.13, as that of the usual base, which is made from it."""

PACKAGES = ("ca-certificates", "python3", "python3-venv")

NOT_IN_SLIM = (
    "usr/share/doc",
    "usr/share/info",
    "usr/share/locale",
    "usr/share/man",
    "var/cache/apt",
    "var/lib/apt/lists",
)
"""What the usual slim base leaves out too, so that sizes can be compared."""


def debian_base(folder: Path = CACHE / f"base-{SUITE}") -> Path:
    """The root file system, made first if it is not there. Raises Unavailable with the last words of what fails."""
    if folder.is_dir():
        return folder
    if shutil.which("debootstrap") is None:
        raise Unavailable(
            "There is nothing to build on: no base is given and there is no debootstrap. Say `make image BASE=…`, a folder with the root "
            "file system of a Debian that has Python 3.11 to 3.13; or, as root, `apt-get install debootstrap`."
        )
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    call(["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", SUITE, str(unfinished)])
    for place in NOT_IN_SLIM:
        shutil.rmtree(unfinished / place, ignore_errors=True)
    return unfinished.rename(folder)
