"""What of a web page is not its text: scripts, hidden elements, navigation, sidebars, banners, footers.

Two verdicts. What no reader sees is always left out. What only looks like boilerplate, by its element, role, class or id, is left out
unless hardly anything would remain.
"""

import re
from dataclasses import dataclass

from lxml import etree

MIN_PROSE_CHARS = 10
"""Characters outside links and headings that a page must keep; one that would not keeps more: its text is the links, as an index's is."""

MAX_IMPRINT_CHARS = 300
"""A longer paragraph that begins with "Copyright" is about copyright."""

MAX_NAME_CHARS = 40
"""Longer classes and ids are made by programs."""

MIN_CONTENTS = 3
"""Items that make a list of links within the page its table of contents."""

LINK_SHARE = 0.6
"""Of an element's characters, from which on it is there to lead elsewhere."""

PROSE_CHARS = 60
"""Characters outside links, a sentence's end among them, from which on a "sidebar" or "header" holds text of its own: notes do."""

_UNSEEN_WORDS = """
    applet audio base button canvas datalist embed frame frameset head iframe link map meta noembed noframes noscript
    object option progress rp rt script select source style svg template textarea track video
"""
UNSEEN = frozenset(_UNSEEN_WORDS.split())
"""Elements whose content is not the page's text."""

_ROLES_WORDS = """
    alertdialog banner contentinfo dialog menu menubar navigation search tablist toolbar
"""
ROLES = frozenset(_ROLES_WORDS.split())
"""ARIA roles of boilerplate (WAI-ARIA 1.2, landmark and widget roles)."""

_MARKS_WORDS = """
    anchor anchorjs-link backrefs fn-backref footnote-back footnote-backref footnote-ref footnote-reference footnoteref
    hash-link header-anchor header-link headerlink heading-anchor lineno linenodiv linenos linenumber mw-editsection
    noteref permalink rouge-gutter source-line-no toclink-back viewcode-back viewcode-link
"""
MARKS = frozenset(_MARKS_WORDS.split())
"""Classes of footnote marks, links of a heading to itself and numbers of lines."""

_DOC_ROLES = frozenset({"doc-noteref", "doc-backlink", "doc-toc", "doc-pagebreak"})
_CERTAIN = re.compile(
    r"(?:.*-)?(?:nav|navs|docnav|navbar|navheader|navfooter|navigation|topnav|sidenav|subnav|bottomnav|breadcrumbs?|pagination|pager|"
    r"prevnext|prev-next|skip-?(?:links?|nav|to-content)|cookies?|cookie-?(?:banner|bar|notice|consent)|consent|gdpr|"
    r"sphinxsidebar|rst-versions|printfooter|noprint|catlinks|jump-link|social|share|sharing|addthis|adverts?|ads|advertisement)"
    r"(?:-?(?:bar|box|buttons?|container|wrapper|panel|list|links?|header|footer|left|right|top|bottom|inner|banner|notice|menu))?"
)
_LIKELY = re.compile(
    r"(?:left|right|side|main|site|page|global|top|bottom|primary|secondary)?-?(?:sidebar|side-?bar|header|footer|banner|masthead|"
    r"copyright|colophon|page-?(?:header|footer))(?:-?(?:container|wrapper|inner|left|right|content))?"
)
_LINKS = re.compile(
    r"(?:.*-)?(?:menu|toc|toctree|toctree-wrapper|contents?|tableofcontents|table-of-contents|shortcontents|related|search|"
    r"searchbox|see-?all|index-links|minitoc|localtoc|list-of-(?:tables|figures|examples))(?:-?(?:list|links?|box|wrapper|menu))?"
)
_HIDDEN_STYLE = re.compile(r"(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse))", re.IGNORECASE)
_PAGE = frozenset({"h1", "main", "article"})
_APART = frozenset({"a", "h1", "h2", "h3", "h4", "h5", "h6", "title"})
_CONTAINERS_WORDS = """
    aside details div dl footer form header nav ol p search section span table td ul
"""
_CONTAINERS = frozenset(_CONTAINERS_WORDS.split())
_LABELS = frozenset({"label", "fn-bracket", "brackets"})
_EPUB_TYPES = frozenset({"noteref", "pagebreak", "toc", "landmarks", "page-list"})
_MARK_TEXTS = frozenset({"¶", "#", "§", "\U0001f517", "⚓", "↩", "↩︎", "↑"})
_WORD = re.compile(r"[^\W\d_]+")
_STEP = re.compile(r"\W*(?:next|previous|prev|up|top|home|contents|index|back|chapter)\b", re.IGNORECASE)
_SENTENCE = re.compile(r"[^\W\d_]{2}[.!?](?:\s|$)|[。！？]")
_COPYRIGHT = re.compile(r"©|\(c\) \d|copyright \S{0,20} ?\d{4}|all rights reserved", re.IGNORECASE)
_TRAIL = re.compile(r"\s[>»›|/→]\s")
_LEADERS = re.compile(r"(?<!\.)(?<!\. )(?:\. ?){5,}\s*(?:\d{1,4}|[ivxlc]{1,6})\s*$", re.MULTILINE)
_IMPRINT = re.compile(
    r"(?:©|\(c\) |copyright\b.{0,20}\d{4}|all rights reserved|(?:this page was )?last (?:updated|modified|changed)\b|"
    r"(?:created|generated|built|powered|made) (?:using|by|with|on)\b|this (?:document|page) was (?:generated|created|built)\b)",
    re.IGNORECASE,
)

_STEPS_WORDS = """
    back contents first forward home index last main next prev previous top up
"""
STEPS = frozenset(_STEPS_WORDS.split())
"""Words by which pages of a manual lead to one another."""


@dataclass(slots=True)
class _Amount:
    """What stands in an element."""

    text: int = 0
    """Characters."""
    prose: int = 0
    """Those outside links and headings."""
    holds_page: bool = False
    """Whether the page's own heading or main part is in it, whatever its name says."""
    has_sentence: bool = False
    has_copyright: bool = False

    def count(self, text: str, *, apart: bool) -> None:
        """Add a run of text. apart: whether it is in a link or heading."""
        length = len(text) - text.count(" ") - text.count("\n")
        self.text += length
        self.prose += 0 if apart else length
        self.has_sentence = self.has_sentence or _SENTENCE.search(text) is not None
        self.has_copyright = self.has_copyright or _COPYRIGHT.search(text) is not None

    def add(self, inner: "_Amount") -> None:
        """Add what stands in an element within."""
        self.text += inner.text
        self.prose += inner.prose
        self.holds_page |= inner.holds_page
        self.has_sentence |= inner.has_sentence
        self.has_copyright |= inner.has_copyright

    @property
    def is_prose(self) -> bool:
        """Whether there are sentences, other than on who made the page."""
        return self.prose >= PROSE_CHARS and self.has_sentence and not self.has_copyright

    @property
    def is_links(self) -> bool:
        """Whether there is little besides links and headings."""
        return self.text - self.prose >= LINK_SHARE * self.text


def left_out(root: etree._Element, *, whole: bool = False) -> set[etree._Element]:
    """The outermost elements of a page that are not its text.

    whole: for a document that has nothing around its text: what is never seen and lists of links are left out, no headers or sidebars.
    """
    unseen, amounts = _survey(root)
    likely, certain = _around(root, unseen, amounts, whole)
    for doubtful in (certain | likely, certain):
        gone = [amounts[element] for element in doubtful if element in amounts]
        prose = amounts[root].prose - sum(amount.prose for amount in gone)
        text = amounts[root].text - sum(amount.text for amount in gone)
        if prose >= MIN_PROSE_CHARS or (doubtful is certain and text >= MIN_PROSE_CHARS):
            return unseen | doubtful
    return unseen


def is_navigation(text: str, links: int) -> bool:
    """Whether a paragraph only leads elsewhere: "Prev Up Home Next", a trail, a line of contents with dots. links: characters in links."""
    if _LEADERS.search(text) or (links >= LINK_SHARE * len(text) and len(_TRAIL.findall(text)) >= 2):
        return True
    words = _WORD.findall(text.lower())
    steps = sum(word in STEPS for word in words)
    if not steps or (steps != len(words) and links < LINK_SHARE * len(text)):
        return False
    if len(words) == 1:
        return links >= len(words[0])
    return len(set(words) & STEPS) >= 2 and (steps == len(words) or _STEP.match(text) is not None)


def is_imprint(text: str) -> bool:
    """Whether a page's last paragraph says who made the page, and with what."""
    return len(text) <= MAX_IMPRINT_CHARS and _IMPRINT.match(text) is not None


def _survey(root: etree._Element) -> tuple[set[etree._Element], dict[etree._Element, _Amount]]:
    """(the outermost elements that are never seen, what stands in the root and in each container besides)."""
    unseen: set[etree._Element] = set()
    amounts: dict[etree._Element, _Amount] = {}
    open_amounts = [_Amount()]
    apart = 0
    walk = etree.iterwalk(root, events=("start", "end"))
    for event, element in walk:
        tag = element.tag
        if event == "start":
            if _is_unseen(element):
                unseen.add(element)
                walk.skip_subtree()
                continue
            if tag in _CONTAINERS or element is root:
                open_amounts.append(_Amount())
            apart += tag in _APART
            open_amounts[-1].holds_page |= tag in _PAGE
            text = element.text
        else:
            if element not in unseen:
                apart -= tag in _APART
                if tag in _CONTAINERS or element is root:
                    amounts[element] = open_amounts.pop()
                    open_amounts[-1].add(amounts[element])
            text = element.tail
        if text:
            open_amounts[-1].count(text, apart=apart > 0)
    return unseen, amounts


def _around(
    root: etree._Element, unseen: set[etree._Element], amounts: dict[etree._Element, _Amount], whole: bool
) -> tuple[set[etree._Element], set[etree._Element]]:
    """(likely boilerplate, sure boilerplate): the outermost elements of each that hold no part of the page itself."""
    likely: set[etree._Element] = set()
    certain: set[etree._Element] = set()
    articles = 0
    walk = etree.iterwalk(root, events=("start", "end"))
    for event, element in walk:
        if event == "end":
            articles -= _is_article(element)
            continue
        articles += _is_article(element)
        amount = amounts.get(element)
        if element in unseen:
            walk.skip_subtree()
        elif element is root or element.tag == "body" or (amount is not None and amount.holds_page):
            continue
        elif _is_certain(element, whole):
            certain.add(element)
            walk.skip_subtree()
        elif amount is not None and _is_likely(element, amount, whole=whole, in_article=articles > 0):
            likely.add(element)
            walk.skip_subtree()
    return likely, certain


def _is_unseen(element: etree._Element) -> bool:
    tag = element.tag
    if tag in UNSEEN or tag in ("html", "body"):
        return tag in UNSEEN
    attributes = element.attrib
    if not attributes:
        return False
    if attributes.get("aria-hidden") == "true" or _HIDDEN_STYLE.search(attributes.get("style", "")):
        return True
    if "hidden" in attributes and attributes["hidden"] != "until-found":
        return True
    classes = attributes.get("class", "").split()
    if (
        not MARKS.isdisjoint(classes)
        or attributes.get("role") in _DOC_ROLES
        or attributes.get("epub:type") in _EPUB_TYPES
    ):
        return True
    if tag == "a" and (attributes.get("href", "#")[:1] == "#" or "footnote" in classes):
        return "".join(element.itertext()).strip() in _MARK_TEXTS or "footnote" in classes
    return tag in ("span", "td", "th") and not _LABELS.isdisjoint(classes) and _is_footnote(element.getparent())


def _is_footnote(element: etree._Element | None) -> bool:
    while element is not None and element.tag in ("tr", "tbody", "p", "div"):
        if "footnote" in element.get("class", ""):
            return True
        element = element.getparent()
    return element is not None and "footnote" in element.get("class", "")


def _is_certain(element: etree._Element, whole: bool) -> bool:
    """Whether an element is navigation, a search, a dialogue or the like. whole: only where HTML itself says so."""
    said = element.tag in ("nav", "search") or element.get("role") in ROLES
    return said or (not whole and _is_named(element, _CERTAIN))


def _is_likely(element: etree._Element, amount: _Amount, *, whole: bool, in_article: bool) -> bool:
    """Whether an element is a list of links, or a header, footer or sidebar; in an article that may be a part of it."""
    around = not whole and (element.tag in ("header", "footer") or _is_named(element, _LIKELY))
    if around and (amount.is_links or not (in_article or amount.is_prose)):
        return True
    within = element.tag in ("ol", "ul") and len(element) >= MIN_CONTENTS and _leads_within(element)
    return amount.is_links and (within or _is_named(element, _LINKS))


def _is_named(element: etree._Element, names: re.Pattern[str]) -> bool:
    """Whether a class, or the id, of an element is among some names."""
    if not element.attrib:
        return False
    tokens = f"{element.get('class', '')} {element.get('id', '')}".lower().replace("_", "-").split()
    return any(names.fullmatch(token) for token in tokens if len(token) <= MAX_NAME_CHARS)


def _is_article(element: etree._Element) -> bool:
    return element.tag in ("main", "article", "blockquote") or element.get("role") == "main"


def _leads_within(element: etree._Element) -> bool:
    """Whether every item of a list begins with a link to a part of the same page."""
    links = (next(item.iter("a"), None) for item in element if item.tag == "li")
    return all(link is not None and link.get("href", "").startswith("#") for link in links)
