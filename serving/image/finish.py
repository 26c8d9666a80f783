"""Run inside the build, once everything is installed: leaves out what no dashboard uses, and compiles the rest.

Standard library only, and by path, since nothing of Raglass is where it runs: `python finish.py /opt/raglass /app`.
"""

import compileall
import py_compile
import shutil
import sys
from pathlib import Path

NOT_NEEDED = ("pandas/tests", "plotly/labextension", "pyarrow/include", "pyarrow/tests", "pydeck/nbextension/static")
"""Test suites, C++ headers and extensions of notebooks, by place in site-packages: a seventh of all that is installed."""


def leave_out(environment: Path) -> None:
    """Remove NOT_NEEDED from a virtual environment; one that is not there is an error, so that the list stays true."""
    (packages,) = environment.glob("lib/python3.*/site-packages")
    for place in NOT_NEEDED:
        folder = packages / place
        if not folder.is_dir():
            sys.exit(f"{folder} is not there any more: take it off NOT_NEEDED in {Path(__file__).name}.")
        shutil.rmtree(folder)


def compile_all(folder: Path) -> None:
    """Compile every module, never to be compared with its source again: in an image neither changes."""
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    if not compileall.compile_dir(folder, quiet=1, workers=0, invalidation_mode=mode):
        sys.exit(f"Something in {folder} cannot be compiled; see above.")


if __name__ == "__main__":
    environment, *folders = map(Path, sys.argv[1:])
    leave_out(environment)
    for folder in (environment / "lib", *folders):
        compile_all(folder)
