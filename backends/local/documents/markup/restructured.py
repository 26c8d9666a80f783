"""reStructuredText to title and blocks, by docutils and its HTML. No file is included and no raw markup taken over.

What Sphinx adds is read as text: the words of a role, the arguments and the body of a directive.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, ClassVar

from docutils import nodes
from docutils.core import publish_parts
from docutils.parsers.rst import Directive, directives, roles

from backends.local.documents.blocks import Reading
from backends.local.documents.markup.page import read_html
from backends.local.documents.text import decode_file

MAX_LINE_CHARS = 1_000_000
"""docutils refuses a whole document for a line that is longer."""

CODE = frozenset(
    {
        "code-block",
        "highlight",
        "ipython",
        "literalinclude",
        "productionlist",
        "prompt",
        "sourcecode",
        "testcode",
        "testoutput",
    }
)
"""Directives whose body is code."""

SILENT = frozenset(
    {
        "codeauthor",
        "contents",
        "currentmodule",
        "default-domain",
        "default-role",
        "graphviz",
        "include",
        "index",
        "meta",
        "module",
    }
    | {"py:currentmodule", "py:module", "raw", "role", "sectionauthor", "sectnum", "tabularcolumns", "title", "toctree"}
)
"""Directives that hold no text, or none of the document's own."""

VERSIONS = {
    "deprecated": "Deprecated since version",
    "deprecated-removed": "Deprecated since version",
    "versionadded": "New in version",
    "versionchanged": "Changed in version",
}
"""What Sphinx puts before the version."""

TITLED = {"seealso": "See also", "todo": "To do"}
"""Boxes that Sphinx names."""

DESCRIBING = re.compile(
    r"(?:\w+:)?(?:attribute|class|classmethod|cmdoption|confval|constant|data|decorator|describe|directive|enum|enumerator|envvar|"
    r"exception|fixture|function|macro|member|method|object|opcode|option|program|property|role|staticmethod|struct|type|var|variable)"
)
"""Directives whose arguments are names that their body describes."""

NUMBERED = {"pep": "PEP", "rfc": "RFC"}
"""Roles that name a numbered document; docutils' own refuse the titles that Sphinx gives them."""

_TITLED_TARGET = re.compile(r"(.*?)\s*<[^<>]*>\s*", re.DOTALL)

SETTINGS = {
    "_disable_config": True,
    "doctitle_xform": False,
    "file_insertion_enabled": False,
    "halt_level": 6,
    "initial_header_level": "1",
    "line_length_limit": MAX_LINE_CHARS,
    "math_output": "LaTeX",
    "raw_enabled": False,
    "report_level": 5,
    "sectsubtitle_xform": False,
    "smart_quotes": False,
    "syntax_highlight": "none",
    "warning_stream": False,
}
"""docutils': nothing from outside the text, no message in it, headings as they stand."""


class _AnyOptions(dict[str, Callable[[str], str]]):
    """Takes every option of a directive."""

    def __missing__(self, name: str) -> Callable[[str], str]:
        return lambda value: value or ""

    def __bool__(self) -> bool:
        return True


class _Unknown(Directive):  # type: ignore[misc]
    """A directive that docutils lacks."""

    optional_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec: ClassVar[Any] = _AnyOptions()

    def run(self) -> list[nodes.Node]:
        """The nodes that stand for it."""
        name, argument = self.name.lower(), self.arguments[0].strip() if self.arguments else ""
        if name in SILENT:
            return []
        if name in CODE:
            return [nodes.literal_block("", "\n".join(self.content))] if self.content else []
        if DESCRIBING.fullmatch(name):
            return [self._definition(argument)]
        if name in VERSIONS and argument:
            version, *rest = argument.split(maxsplit=1)
            head = f"{VERSIONS[name]} {version}" + (": " if rest else ".")
            return [*self._paragraph("".join(rest), head), *self._body()]
        title = TITLED.get(name)
        titled = [nodes.paragraph("", title, classes=["admonition-title"])] if title else []
        return [*titled, *self._paragraph(argument), *self._body()]

    def _definition(self, argument: str) -> nodes.Node:
        terms = [nodes.term("", line.strip()) for line in argument.replace("\\\n", " ").split("\n") if line.strip()]
        described = nodes.definition("", *self._body())
        return nodes.definition_list("", nodes.definition_list_item("", *terms, described))

    def _paragraph(self, text: str, head: str = "") -> list[nodes.Node]:
        found, _ = self.state.inline_text(text, self.lineno)
        return [nodes.paragraph("", "", nodes.Text(head), *found)] if head or text else []

    def _body(self) -> list[nodes.Node]:
        holder = nodes.Element()
        self.state.nested_parse(self.content, self.content_offset, holder)
        return list(holder.children)


def read(name: str, data: bytes) -> list[Reading]:
    """A reStructuredText document; the title is its first heading."""
    text, doubts = decode_file(name, data)
    return [replace(read_restructured(text), doubts=doubts)]


def read_restructured(text: str) -> Reading:
    """A reStructuredText document; the title is its first heading, else empty."""
    with _all_known():
        parts = publish_parts(text, writer="html5", settings_overrides=SETTINGS)
    return read_html(parts["body"] or "<p></p>", whole=True)


@contextmanager
def _all_known() -> Iterator[None]:
    """Meanwhile docutils knows every directive and role. It keeps them in its modules, as Sphinx's own overriding does."""
    known_directive, known_role = directives.directive, roles.role

    def find_directive(name: str, *around: Any) -> Any:
        if name.lower() in SILENT or name.lower() in CODE:
            return _Unknown, []
        found, _ = known_directive(name, *around)
        return found or _Unknown, []

    def find_role(name: str, *around: Any) -> Any:
        if name.lower() in NUMBERED:
            return _read_role, []
        found, _ = known_role(name, *around)
        return found or _read_role, []

    directives.directive, roles.role = find_directive, find_role
    try:
        yield
    finally:
        directives.directive, roles.role = known_directive, known_role


def _read_role(
    name: str, raw: str, text: str, *around: Any, **options: Any
) -> tuple[list[nodes.Node], list[nodes.Node]]:
    """The words that a role shows: a reference's title, the last name of `~a.b.c`, a key or a file as it is."""
    titled = _TITLED_TARGET.fullmatch(text)
    shown = nodes.unescape(titled.group(1) if titled and titled.group(1) else text)
    if shown.startswith("~"):
        shown = shown.rpartition(".")[2].removeprefix("~")
    elif name.lower() in NUMBERED and shown[:1].isdigit():
        shown = f"{NUMBERED[name.lower()]} {shown.partition('#')[0]}"
    return [nodes.inline("", shown.removeprefix("!"))], []
