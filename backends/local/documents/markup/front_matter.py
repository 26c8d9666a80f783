"""Front matter: the YAML or TOML that a Markdown document may begin with. What only looks like it is text."""

import re
import tomllib
from collections.abc import Mapping
from typing import Any

import yaml

from backends.local.documents.text import one_line

MAX_LINES = 2_000
"""Longer front matter is text."""

MAX_BRACKETS = 1_000
"""In front matter: the parser of YAML takes time by their square."""

_ENDS = {"---": ("---", "..."), "+++": ("+++",)}
_KEY_LINE = re.compile(r"(?:#.*|-.*|[\w.-]+\s*:(?:\s.*)?|\s+\S.*)?")
_TITLE_LINE = re.compile(r"^title\s*:\s*(.+)$", re.MULTILINE | re.IGNORECASE)


def split_front_matter(text: str) -> tuple[str, str]:
    """(title, body) of a document. The body is the whole text, and the title empty, where it has no front matter.

    A first line `---` begins front matter if what stands up to the next `---` is a YAML mapping whose keys are
    words, and `+++` if it is TOML; a rule at the
    top of a text is neither. Mappings that YAML refuses for a colon or quote in a value are front matter if each line has a key.
    """
    lines = text.removeprefix("\ufeff").split("\n", MAX_LINES)
    fence = lines[0].rstrip()
    ends = _ENDS.get(fence)
    end = next((at for at, line in enumerate(lines[1:MAX_LINES], start=1) if ends and line.rstrip() in ends), None)
    if end is None or end == 1 or not lines[1].strip():
        return "", text
    block = "\n".join(lines[1:end])
    if block.count("[") + block.count("{") > MAX_BRACKETS:
        return "", text
    title = _toml_title(block) if fence == "+++" else _yaml_title(block)
    return ("", text) if title is None else (title, "\n".join(lines[end + 1 :]))


def _yaml_title(block: str) -> str | None:
    """The title, empty if there is none; None if the block is no mapping."""
    try:  # This loader makes nothing but strings, lists and dictionaries.
        found = yaml.load(block, Loader=yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError, ValueError):
        if not all(_KEY_LINE.fullmatch(line) for line in block.split("\n")):
            return None
        titled = _TITLE_LINE.search(block)
        return one_line(titled.group(1).strip("\"' ")) if titled else ""
    named = isinstance(found, dict) and all(isinstance(key, str) and key and not re.search(r"\s", key) for key in found)
    return _title_of(found) if named else None


def _toml_title(block: str) -> str | None:
    try:
        return _title_of(tomllib.loads(block))
    except (tomllib.TOMLDecodeError, RecursionError):
        return None


def _title_of(found: Mapping[Any, Any]) -> str:
    title = next((value for key, value in found.items() if str(key).lower() == "title"), "")
    return one_line(title) if isinstance(title, str) else ""
