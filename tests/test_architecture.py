"""docs/architecture.md draws the house as it is: every folder stands in the picture, and every import runs down in it."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "docs" / "architecture.md").read_text("utf-8")
DRAWINGS = re.findall(r"```mermaid\nflowchart TD\n(.*?)```", TEXT, re.DOTALL)
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
FOLDERS, APP, USES, VIEWS = range(4)


def arrows(drawing: int) -> list[tuple[list[str], list[str]]]:
    """Every arrow of a drawing, with the names in the boxes at both ends."""
    boxes = dict(re.findall(r'(\w+)\["([^"]+)"\]', DRAWINGS[drawing]))
    found = re.findall(r'(\w+)(?:\["[^"]*"\])? --> (\w+)', DRAWINGS[drawing])
    return [(boxes.get(a, a).split(" · "), boxes.get(b, b).split(" · ")) for a, b in found]


def floors(drawing: int) -> list[list[str]]:
    """The floors of a drawing, top to bottom."""
    drawn = arrows(drawing)
    assert [below for _, below in drawn[:-1]] == [above for above, _ in drawn[1:]], "the floors are one above the other"
    return [drawn[0][0], *(below for _, below in drawn)]


def imports(package: str) -> Iterator[tuple[str, str]]:
    """Which of our modules imports which, in a package and below; those inside functions and for types alone count as well."""
    for path in sorted((ROOT / package.replace(".", "/")).rglob("*.py")):
        module = path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                yield from ((module, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield from ((module, f"{node.module}.{alias.name}") for alias in node.names)


def below(parent: str, module: str) -> str | None:
    """The child of `parent` that a module is or stands in; of the root, its folder."""
    parts, inside = module.split("."), parent.split(".") if parent else []
    return parts[len(inside)] if parts[: len(inside)] == inside and len(parts) > len(inside) else None


def between(parent: str, names: set[str]) -> set[tuple[str, str]]:
    """Which of the named children of `parent` imports which."""
    found = {
        (below(parent, importer), below(parent, imported))
        for package in ([parent] if parent else sorted(names))
        for importer, imported in imports(package)
    }
    return {(a, b) for a, b in found if a in names and b in names and a != b}  # type: ignore[misc]


def children(folder: Path) -> set[str]:
    """Modules and packages of a folder."""
    return {path.stem for path in folder.glob("*.py") if path.stem != "__init__"} | {
        path.parent.name for path in folder.glob("*/__init__.py")
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("drawing", "parent", "contract"),
    [(FOLDERS, "", "Imports run downward"), (APP, "app", "Floors of app"), (VIEWS, "app.views", "Floors of app.views")],
)
def test_the_picture_shows_the_floors_as_they_are(drawing: int, parent: str, contract: str) -> None:
    drawn = floors(drawing)
    floor = {name: number for number, names in enumerate(drawn) for name in names}
    used = between(parent, set(floor))
    assert used, "imports were found"
    assert {(a, b) for a, b in used if floor[a] >= floor[b]} == set()
    [layers] = [each["layers"] for each in CONTRACTS if each["name"] == contract]
    assert [sorted(names) for names in drawn] == [sorted(layer.split(" | ")) for layer in layers]


@pytest.mark.parametrize(("drawing", "folder"), [(APP, "app"), (VIEWS, "app/views")])
def test_nothing_is_left_out_of_the_picture(drawing: int, folder: str) -> None:
    drawn = {name for names in floors(drawing) for name in names}
    assert drawn == children(ROOT / folder), f"draw what {folder}/ has in docs/architecture.md, and nothing else"


@pytest.mark.slow
def test_capabilities_use_one_another_in_the_ways_that_are_drawn() -> None:
    capabilities = {name for names in floors(APP)[4:8] for name in names}
    drawn = {(a, b) for above, under in arrows(USES) for a in above for b in under}
    assert drawn == between("app", capabilities)


BREAKS = {
    "app/runs/record.py": "import app.services",
    "app/lab/targets.py": "import streamlit, click",
    "backends/local/words.py": "import backends.local.lexical",
    "pipeline/errors.py": "import numpy",
}
"""What stands at the end of a file, and breaks floors, circles, and who may import what."""

BROKEN = (
    "Floors of app BROKEN",
    "No circle of imports anywhere BROKEN",
    "Only pages, the router, the server and the views import streamlit BROKEN",
    "Only the shell imports click BROKEN",
    "The pipeline is standard library only BROKEN",
)


@pytest.mark.slow
def test_contracts_that_are_broken_on_purpose_are_seen(tmp_path: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package in tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["root_packages"]:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=_all_but_code)
    for file, line in BREAKS.items():
        with (tmp_path / file).open("a", encoding="utf-8") as written:
            written.write(f"\n{line}\n")
    linted = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert linted.returncode == 1, linted.stdout
    assert [each for each in BROKEN if each not in linted.stdout] == [], linted.stdout


def _all_but_code(folder: str, names: list[str]) -> set[str]:
    return {name for name in names if not name.endswith(".py") and not (Path(folder) / name).is_dir()}


def test_no_file_repeats_the_name_of_its_folder() -> None:
    assert [path for path in (ROOT / "app").rglob("*.py") if path.stem == path.parent.name] == []


@pytest.mark.parametrize("name", sorted(children(ROOT / "app") | {"assets"}))
def test_no_name_in_app_hides_a_package(name: str) -> None:
    """Streamlit puts `app/` first on `sys.path`."""
    folders = {path.name for path in ROOT.iterdir() if path.is_dir()}
    packages = {re.split(r"[\[<>=~! ]", line)[0] for line in _dependencies()}
    assert name not in folders | packages


def _dependencies() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return [*project["dependencies"], *(each for extra in project["optional-dependencies"].values() for each in extra)]
