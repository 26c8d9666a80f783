"""What Markdown's dialects add to CommonMark: admonitions, containers, alerts, notes, attributes, formulas, links of wikis.

Each is turned into plain HTML, or left out where it only says how something looks.
"""

import html
import re
from collections.abc import Sequence
from typing import Any, cast

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from mdit_py_plugins.admon import admon_plugin
from mdit_py_plugins.container import container_plugin
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.footnote import footnote_plugin

_BOX_WORDS = """
    abstract admonition attention bug caution check danger details dropdown error example failure faq fail help hint important info
    missing note question quote seealso success summary tip tldr todo topic warn warning
"""
BOXES = frozenset(_BOX_WORDS.split())
"""Names of boxes, whose own name is their title unless they have another."""

UNNAMED = frozenset({"admonition", "details", "dropdown", "topic"})
"""Boxes whose name says nothing."""

BLOCKS = BOXES | {"caption", "define", "figure-caption", "html", "latex", "tab", "table-caption"}
"""What may stand behind `///` (PyMdown Blocks)."""

DIRECTIVES = BOXES | {
    "card",
    "deprecated",
    "figure",
    "grid",
    "margin",
    "sidebar",
    "tab-item",
    "tab-set",
    "versionadded",
    "versionchanged",
}
"""Fences in braces (MyST) that hold Markdown; the others hold code."""

POINTERS = frozenset({"bibliography", "contents", "index", "tableofcontents", "toctree"})
"""Directives that hold no text."""

NOTE_ID = "markdown-note-"
"""Before the number of a note, in its name."""

_BOX_HEAD = re.compile(
    r"\s*\{?[.:]?(?P<name>[\w-]+)\}?(?:\s*\{[^}]*\})?\s*(?:\|\s*|\[)?(?P<title>.*?)\]?\s*(?:\{[^}]*\}\s*)?:*$"
)
_ALERT = re.compile(r"\[!(\w{2,20})\][+-]?[ \t]*([^\n]*)(?:\n|$)")
_CONTENTS = re.compile(r"\[TOC\]|\[\[_?TOC_?\]\]|\{:\s?toc[^}]*\}|<!-- toc -->", re.IGNORECASE)
_TAB = re.compile(r'^([ \t]*)===[!+]?[ \t]+(".*")[ \t]*$', re.MULTILINE)
_CHECKED = re.compile(r"\[([ xX])\](?=\s)")
_TIGHT_HEADING = re.compile(r"(#{2,6})([^\s#!].*)")
_OPTION_LINE = re.compile(r"\s*[\w-]+:.*|\s*")
_ATTRIBUTE = r"""(?:[#.][\w:.-]+|[\w:-]+=(?:"[^"\n]*"|'[^'\n]*'|[\w.%/-]+))"""
_ATTRIBUTES = re.compile(rf"[ \t]*\{{[ \t]*{_ATTRIBUTE}(?:[ \t]+{_ATTRIBUTE})*[ \t]*\}}")
_COLON_ATTRIBUTES = re.compile(r"[ \t]*\{:[ \t]*[#.\w][^{}\n]*\}")
_WIKI_LINK = re.compile(r"(!?)\[\[([^\[\]|\n]+)(?:\|([^\[\]\n]+))?\]\]")
_RAISED = re.compile(r"(?<=[\w)])\^([-+−]?\w{1,10})\^(?!\w)")


def add_dialects(parser: MarkdownIt) -> None:
    """Teach a CommonMark parser the dialects."""
    parser.enable(["table", "strikethrough"])
    for plugin in (admon_plugin, deflist_plugin, footnote_plugin):
        parser.use(plugin)
    parser.use(dollarmath_plugin, allow_space=False, allow_digits=False)
    container_plugin(parser, "colons", ":", lambda head, *_: re.match(r"\s*[\w{.]", head) is not None, _render_box)
    container_plugin(parser, "slashes", "/", lambda head, *_: _names_block(head), _render_box)
    # A note stays where it was written: at the document's end it would stand under another heading, and one without a mark would go.
    parser.core.ruler.disable("footnote_tail")
    parser.inline.ruler.disable("footnote_inline")
    parser.core.ruler.before("normalize", "tabs", _read_tabs)
    parser.core.ruler.before("inline", "dialect_blocks", _read_blocks)
    parser.core.ruler.push("dialect_words", _read_words)
    parser.add_render_rule("footnote_ref", _render_note_mark)
    parser.add_render_rule("footnote_reference_open", _render_note)
    parser.add_render_rule("footnote_reference_close", lambda self, *around: "</div>")
    for name in ("math_inline", "math_inline_double", "math_block", "math_block_label"):
        parser.add_render_rule(name, _render_math)
    render_code = cast(RendererHTML, parser.renderer).fence
    parser.add_render_rule("fence", lambda self, *around: _render_fence(parser, render_code, *around))


def title_html(title: str) -> str:
    """The title of a box, as HTML."""
    return f'<p class="admonition-title">{html.escape(title)}</p>\n' if title else ""


def _names_block(head: str) -> bool:
    found = re.fullmatch(r"\s*([\w-]+)\s*(?:\|.*)?", head)
    return found is not None and found.group(1).lower() in BLOCKS


def _box_title(head: str) -> str:
    """The title that the first line of a box gives it, else its name if that says something."""
    found = _BOX_HEAD.fullmatch(head)
    if found is None:
        return head.strip()
    name, title = found.group("name").lower(), found.group("title").strip("\"' ")
    if name in ("html", "define", "latex"):
        return ""
    name = name.removeprefix("callout-")
    return title or (name.capitalize() if name in BOXES - UNNAMED else "")


def _render_note_mark(self: Any, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
    """A mark of a note as HTML has it, for `notes.place_notes`: the label, or the number where labels are words."""
    number = tokens[at].meta["id"] + 1
    if "are_numbers" not in env:
        env["are_numbers"] = all(label.removeprefix(":").isdecimal() for label in env["footnotes"]["refs"])
    mark = tokens[at].meta["label"] if env["are_numbers"] else number
    return f'<sup><a href="#{NOTE_ID}{number}">{mark}</a></sup>'


def _render_note(self: Any, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
    number = env["footnotes"]["refs"].get(f":{tokens[at].meta['label']}", -1) + 1
    return f'<div id="{NOTE_ID}{number}">' if number else "<div>"


def _render_box(self: Any, tokens: Sequence[Token], at: int, *around: Any) -> str:
    return f"<div>\n{title_html(_box_title(tokens[at].info))}" if tokens[at].nesting == 1 else "</div>\n"


def _render_math(self: Any, tokens: Sequence[Token], at: int, *around: Any) -> str:
    formula = html.escape(" ".join(tokens[at].content.split()))
    return f"<p>$${formula}$$</p>\n" if tokens[at].block else f"${formula}$"


def _render_fence(parser: MarkdownIt, render_code: Any, tokens: Sequence[Token], at: int, *around: Any) -> str:
    """Code, or what a directive of MyST holds."""
    head = re.match(r"\s*\{([\w:-]+)\}\s*(.*)", tokens[at].info)
    name = head.group(1).lower() if head else ""
    if name in POINTERS:
        return ""
    if head is None or name not in DIRECTIVES:
        return str(render_code(tokens, at, *around))
    body = re.sub(r"\A(?:---\n.*?\n---\n|(?::[\w-]+:.*\n)+)", "", tokens[at].content, flags=re.DOTALL)
    return f"<div>\n{title_html(_box_title(tokens[at].info))}{parser.render(body)}</div>\n"


def _read_tabs(state: StateCore) -> None:
    """A tab (`=== "Linux"`) is a box."""
    state.src = _TAB.sub(r"\1!!! tab \2", state.src)


def _read_blocks(state: StateCore) -> None:
    """What a whole paragraph or heading says of itself."""
    tokens: list[Token] = []
    for at, token in enumerate(state.tokens):
        if token.type == "code_block" and at and _holds_options(token, state.tokens[at - 1]):
            continue
        if token.type != "inline":
            tokens.append(token)
            continue
        before = [each.type for each in state.tokens[max(at - 2, 0) : at]]
        tight = _TIGHT_HEADING.fullmatch(token.content)
        alert = _ALERT.match(token.content)
        if _CONTENTS.fullmatch(token.content.strip()) or _ATTRIBUTES.fullmatch(token.content.strip()):
            token.content = ""
        elif before[-1:] == ["heading_open"]:
            token.content = _ATTRIBUTES.sub("", _COLON_ATTRIBUTES.sub("", token.content))
        elif before == ["blockquote_open", "paragraph_open"] and alert:
            opening = tokens.pop()
            tokens += [_raw(title_html(alert.group(2).strip() or alert.group(1).capitalize())), opening]
            token.content = token.content[alert.end() :]
        elif before[:1] == ["list_item_open"]:
            token.content = _CHECKED.sub(lambda mark: "☐" if mark.group(1) == " " else "☑", token.content, count=1)
        elif before[-1:] == ["paragraph_open"] and tight and at + 1 < len(state.tokens):
            tokens[-1].tag = state.tokens[at + 1].tag = f"h{len(tight.group(1))}"
            token.content = tight.group(2)
        tokens.append(token)
    state.tokens = tokens


def _holds_options(token: Token, before: Token) -> bool:
    """Whether an indented block is the options of the container that it begins."""
    return before.type == "container_slashes_open" and all(
        _OPTION_LINE.fullmatch(line) for line in token.content.split("\n")
    )


def _raw(text: str) -> Token:
    token = Token("html_block", "", 0)
    token.content = text
    return token


def _read_words(state: StateCore) -> None:
    """What stands within a line."""
    for token in state.tokens:
        children = token.children or []
        for at, child in enumerate(children):
            if child.type != "text":
                continue
            text = _COLON_ATTRIBUTES.sub("", child.content)
            if at and children[at - 1].type not in ("text", "softbreak", "hardbreak"):
                own = _ATTRIBUTES.match(text)
                text = text[own.end() :] if own else text
            text = _WIKI_LINK.sub(lambda link: "" if link.group(1) else link.group(3) or link.group(2), text)
            child.content = _RAISED.sub(r"^\1", text)
