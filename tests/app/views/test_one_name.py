"""What people read calls a thing by one name: what the field calls a gold answer is the expected answer on pages and in the shell;
quality rules score answers, and alert rules watch figures."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeGuard

import pytest

ROOT = Path(__file__).resolve().parents[3]

READ = [path for folder in ("app", "pages", "evaluation") for path in sorted((ROOT / folder).rglob("*.py"))]
"""Modules with texts of pages and of the shell."""

OTHER = re.compile(r"\bgold (is|(in )?answers?)\b", re.IGNORECASE)
"""The field's name."""

RULES = re.compile(
    r"\brules? (are |is |that )?watch|\bwatch(es|ed|ing)? (the )?quality|quality,? (is |not )*watch|\brules? (on|of) (quality|alerts)\b",
    re.IGNORECASE,
)
"""What neither kind of rule is called: quality rules score, and what an alert rule watches is a figure."""

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
"""Documents that people read."""

KEPT = {
    "gold in answer",  # a measure's name in files
    "gold answer",  # the glossary's entry, which says what pages call it
}
"""Where it stands all the same, as a whole text."""


def texts(path: Path) -> Iterator[str]:
    """The texts of a module without its docstrings, but for those of commands, which the shell shows."""
    tree = ast.parse(path.read_text("utf-8"))
    helps = {id(node.body[0]) for node in ast.walk(tree) if _is_command(node)}
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and id(node) not in helps}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


def _is_command(node: ast.AST) -> TypeGuard[ast.FunctionDef]:
    return isinstance(node, ast.FunctionDef) and any("command" in ast.unparse(each) for each in node.decorator_list)


@pytest.mark.slow
def test_no_text_says_gold_answer() -> None:
    found = [f"{path.relative_to(ROOT)}: {text}" for path in READ for text in texts(path) if OTHER.search(text)]
    assert [each for each in found if each.partition(": ")[2] not in KEPT] == []


@pytest.mark.slow
def test_quality_is_scored_and_figures_are_watched() -> None:
    said = [(path, text) for path in READ for text in texts(path)]
    said += [(path, path.read_text("utf-8")) for path in PAGES]
    assert [f"{path.relative_to(ROOT)}: {found[0]}" for path, text in said if (found := RULES.search(text))] == []


def test_a_text_and_a_commands_help_are_seen_and_other_docstrings_are_not(tmp_path: Path) -> None:
    path = tmp_path / "said.py"
    path.write_text(
        '"""Gold."""\nA = "no gold answer"\n"""Gold."""\n'
        '@group.command()\ndef make():\n    """Gold is kept."""\ndef other():\n    """A gold answer."""\n'
    )
    assert list(texts(path)) == ["no gold answer", "Gold is kept."]
