"""Which `<words>` of a Markdown document are HTML, and which were meant as text: `<customer-id>`, `Map<String, Order>`, `a<b and c>d`."""

import html
import re
from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_block.html_block import html_block
from markdown_it.rules_core import StateCore

_NAME_WORDS = """
    a abbr acronym address article aside audio b bdi bdo big blockquote body br button canvas caption center cite code col colgroup dd del
    details dfn dialog div dl dt em embed figcaption figure font footer form h1 h2 h3 h4 h5 h6 head header hgroup hr html i iframe img
    input ins kbd label legend li link main mark math menu meta nav noscript object ol optgroup option p param picture pre progress q rp
    rt ruby s samp script section select small source span strike strong style sub summary sup svg table tbody td textarea tfoot th thead
    time title tr track tt u ul var video wbr
"""
NAMES = frozenset(_NAME_WORDS.split())
"""Elements of HTML that pages use; of the rest, `<data>`, `<map>`, `<base>` and others are more often words."""

BARE = frozenset({"br", "hr", "wbr"})
"""Elements that say something without an attribute, content or end tag."""

_FLAG_WORDS = """
    allowfullscreen async autoplay checked compact controls default defer disabled download hidden itemscope loop multiple muted noshade
    novalidate nowrap open readonly required reversed selected
"""
FLAGS = frozenset(_FLAG_WORDS.split())
"""Attributes that have no value."""

_TAG = re.compile(r"<(/?)([a-zA-Z][\w:.-]*)((?:\s[^<>]*)?)/?>")
_ATTRIBUTE = re.compile(r"""([a-zA-Z_:@][\w:.@-]*)(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'=<>`]+))?""")
_END = re.compile(r"</([a-zA-Z][\w-]*)\s*>")
_FIRST_NAME = re.compile(r"\s*</?([a-zA-Z][\w:.-]*)")


def keep_unknown_tags(parser: MarkdownIt) -> None:
    """Teach a parser that what is no HTML stays as text."""
    parser.block.ruler.at("html_block", _read_block, {"alt": ["paragraph", "reference", "blockquote"]})
    parser.core.ruler.push("unknown_tags", _escape_unknown)


def _read_block(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    """A block of HTML, unless it begins with an element that is none."""
    line = state.src[state.bMarks[first] + state.tShift[first] : state.eMarks[first]]
    name = _FIRST_NAME.match(line)
    return (name is None or name.group(1).lower() in NAMES) and html_block(state, first, last, silent)


def _escape_unknown(state: StateCore) -> None:
    ended = {name.lower() for name in _END.findall(state.src)}
    for token in state.tokens:
        if token.type == "html_block":
            token.content = "".join(_escaped_block(token.content))
        for child in token.children or ():
            if (
                child.type == "html_inline"
                and child.content.startswith("<")
                and not child.content.startswith(("<!", "<?"))
            ):
                tag = _TAG.fullmatch(child.content)
                if tag is None or not _is_html(tag, ended):
                    child.type = "text"


def _escaped_block(content: str) -> Iterator[str]:
    if content.lstrip().startswith("<!--") and "-->" not in content:
        yield from (f"<p>{html.escape(part)}</p>\n" for part in content.replace("<!--", "", 1).split("\n\n"))
        return
    end = 0
    for tag in _TAG.finditer(content):
        yield content[end : tag.start()]
        yield tag.group() if tag.group(2).lower() in NAMES or ":" in tag.group(2) else html.escape(tag.group())
        end = tag.end()
    yield content[end:]


def _is_html(tag: re.Match[str], ended: set[str]) -> bool:
    """Whether a tag within a line is HTML. ended: names of the elements that have an end tag somewhere."""
    name = tag.group(2).lower()
    if name not in NAMES:
        return False
    attributes = tag.group(3).strip().rstrip("/")
    if any(
        "=" not in found.group() and found.group(1).lower() not in FLAGS for found in _ATTRIBUTE.finditer(attributes)
    ):
        return False
    return bool(tag.group(1)) or name in BARE or bool(attributes) or name in ended
