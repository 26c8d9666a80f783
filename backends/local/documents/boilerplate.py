"""What of a web page is not its text: scripts, hidden elements, navigation, sidebars, banners, footers.

Two verdicts. What no reader sees is always left out. What only looks like boilerplate, by its element, role, class or id, is left out
unless hardly anything would remain.
"""

import re

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
_APART = frozenset({"a", "h1", "h2", "h3", "h4", "h5", "h6", "title"})
_CONTAINERS_WORDS = """
    aside details div dl footer header ol p section span table td ul
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
_LEADERS = re.compile(r"(?:\. ?){5,}\s*(?:\d{1,4}|[ivxlc]{1,6})\s*$", re.MULTILINE)
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


def left_out(root: etree._Element, *, whole: bool = False) -> set[etree._Element]:
    """The outermost elements of a page that are not its text.

    whole: for a document that has nothing around its text: what is never seen and lists of links are left out, no headers or sidebars.
    """
    unseen, likely, certain = _found(root, whole)
    for doubtful in (certain | likely, certain):
        prose, text = _remains(root, unseen | doubtful)
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


def _found(root: etree._Element, whole: bool) -> tuple[set[etree._Element], set[etree._Element], set[etree._Element]]:
    """(never seen, likely boilerplate, surely boilerplate): outermost elements of each."""
    unseen: set[etree._Element] = set()
    likely: set[etree._Element] = set()
    certain: set[etree._Element] = set()
    articles = 0
    walk = etree.iterwalk(root, events=("start", "end"))
    for event, element in walk:
        if event == "end":
            articles -= _is_article(element)
            continue
        articles += _is_article(element)
        if _is_unseen(element):
            unseen.add(element)
        elif element is root or element.tag == "body":
            continue
        elif _is_certain(element, whole):
            certain.add(element)
        elif _lists_links(element) or (not whole and _is_around(element, articles > 0)):
            likely.add(element)
        else:
            continue
        walk.skip_subtree()
    return unseen, likely, certain


def _remains(root: etree._Element, dropped: set[etree._Element]) -> tuple[int, int]:
    """Characters left without `dropped`: (outside links and headings, all)."""
    prose = text = apart = 0
    walk = etree.iterwalk(root, events=("start", "end"))
    for event, element in walk:
        if element in dropped and event == "start":
            walk.skip_subtree()
            continue
        if element not in dropped and element.tag in _APART:
            apart += 1 if event == "start" else -1
        characters = _count(element.text if event == "start" else element.tail)
        text += characters
        prose += 0 if apart else characters
    return prose, text


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
    certain = element.tag in ("nav", "search") or element.get("role") in ROLES
    return (certain or (not whole and _is_named(element, _CERTAIN))) and not _holds_the_page(element)


def _is_around(element: etree._Element, in_article: bool) -> bool:
    """Whether an element is a header, footer or sidebar that stands around the page's text. In an article it may be a part of that."""
    if element.tag not in _CONTAINERS or not (element.tag in ("header", "footer") or _is_named(element, _LIKELY)):
        return False
    if _holds_the_page(element):
        return False
    return _link_share(element) >= LINK_SHARE or not (in_article or _is_prose(element))


def _lists_links(element: etree._Element) -> bool:
    """Whether an element is a table of contents or a menu: links and little else."""
    if element.tag not in _CONTAINERS:
        return False
    within = element.tag in ("ol", "ul") and len(element) >= MIN_CONTENTS and _leads_within(element)
    return (
        (within or _is_named(element, _LINKS)) and not _holds_the_page(element) and _link_share(element) >= LINK_SHARE
    )


def _is_named(element: etree._Element, names: re.Pattern[str]) -> bool:
    """Whether a class, or the id, of an element is among some names."""
    tokens = f"{element.get('class', '')} {element.get('id', '')}".lower().replace("_", "-").split()
    return any(names.fullmatch(token) for token in tokens if len(token) <= MAX_NAME_CHARS)


def _holds_the_page(element: etree._Element) -> bool:
    """Whether the page's own heading or main part lies in an element, whatever its name says."""
    return next(element.iter("h1", "main", "article"), None) is not None


def _is_article(element: etree._Element) -> bool:
    return element.tag in ("main", "article", "blockquote") or element.get("role") == "main"


def _leads_within(element: etree._Element) -> bool:
    """Whether every item of a list begins with a link to a part of the same page."""
    links = (next(item.iter("a"), None) for item in element if item.tag == "li")
    return all(link is not None and link.get("href", "").startswith("#") for link in links)


def _is_prose(element: etree._Element) -> bool:
    """Whether an element has sentences, other than on who made the page."""
    prose, _ = _remains(element, set())
    text = "".join(element.itertext())
    return prose >= PROSE_CHARS and _SENTENCE.search(text) is not None and _COPYRIGHT.search(text) is None


def _link_share(element: etree._Element) -> float:
    """Of an element's characters, the share in links and headings."""
    prose, text = _remains(element, set())
    return 1 - prose / text if text else 1


def _count(text: str | None) -> int:
    return len("".join(text.split())) if text else 0
