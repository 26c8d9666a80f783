"""Notes of a page: each goes to behind the paragraph that refers to it, and both say the same mark, `[1]`.

A page keeps its notes at its end, where a piece of the text is cut off from them.
"""

import re
from collections.abc import Iterator

from lxml import etree

from backends.local.documents.markup.boilerplate import MARKS
from backends.local.documents.markup.flow import BLOCKS, HEADINGS

MAX_MARK_CHARS = 20
"""A longer link is no mark."""

_MARK = re.compile(r"[\[({]?\s*((?:note )?\d{1,4}|[a-z]{1,2}|[ivx]{1,5}|[*†‡§¶#]{1,4})\s*[\])}]?", re.IGNORECASE)
_OWN_MARK = re.compile(
    r"\s*\^?\s*(?:[\[(]\s*([\w*†‡§¶#]{1,5})\s*[\])]\s*[.:]?|([\w*†‡§¶#]{1,5})(?:\s*[.:)]|(?=\s+[^\W\d_a-z])))\s*"
)
_NOTE_ID = re.compile(r"(?:.*[-_:.])?(?:fn|ftn|edn|footnote|endnote|note)s?[-_:.]?\w{0,20}", re.IGNORECASE)
_CITED = re.compile(r"#cite", re.IGNORECASE)
_ARROWS = re.compile(r"[\s↩↑^⏎⤴\ufe0e\ufe0f]*|(?:back|return|jump (?:up|back))\b.{0,40}", re.IGNORECASE)
_PAGE = frozenset({"article", "body", "html", "main", "section"})
"""Parts of a page, which are no notes unless they say so."""


def place_notes(root: etree._Element) -> None:
    """Move the notes of a page that its text refers to by a mark: a raised link, or one that says what it is.

    A note follows the paragraph, the list's item or the table that refers to it first. Citations of a bibliography
    (`#cite_note-1`) stay where they are.
    """
    links = [link for link in root.iter("a") if link.get("href", "").startswith("#") and len(link.get("href")) > 1]
    marked = [(link, mark) for link in links if (mark := _mark_of(link))]
    if not marked:
        return
    targets = _targets(root, {link.get("href")[1:] for link, _ in marked})
    known = set(targets.values())
    order = {element: at for at, element in enumerate(root.iter()) if element.tag == "a" or element in known}
    after: dict[etree._Element, etree._Element] = {}
    placed: set[etree._Element] = set()
    for link, mark in marked:
        target = targets.get(link.get("href")[1:])
        if target is None or order[target] < order[link]:
            continue
        note = _note_of(target)
        if note is None or note in link.iterancestors():
            continue
        place = _place_of(link)
        _say(link, f"[{mark}]")
        if note in placed or note in place.iterancestors() or place in note.iterancestors():
            continue
        placed.add(note)
        _begin_with(note, mark)
        _move(note, after.get(place, place))
        after[place] = note


def _mark_of(link: etree._Element) -> str:
    """The mark of a note, without brackets, that a link is; empty if it is none."""
    text = "".join(link.itertext())
    found = _MARK.fullmatch(text.strip()) if len(text) <= MAX_MARK_CHARS else None
    href = link.get("href")
    if found is None or _CITED.match(href):
        return ""
    classes = link.get("class", "").split()
    around = link.getparent()
    is_raised = (around is not None and around.tag == "sup") or next(link.iter("sup"), None) is not None
    says = link.get("role") == "doc-noteref" or link.get("epub:type") == "noteref" or not MARKS.isdisjoint(classes)
    bracketed = text.strip()[:1] in "[(" and _NOTE_ID.fullmatch(href[1:]) is not None
    return found.group(1).removeprefix("note ") if is_raised or says or bracketed else ""


def _targets(root: etree._Element, names: set[str]) -> dict[str, etree._Element]:
    """The elements that have these names."""
    found: dict[str, etree._Element] = {}
    for element in root.iter():
        for name in (element.get("id"), element.get("name") if element.tag == "a" else None):
            if name in names:
                found.setdefault(name, element)
    return found


def _note_of(target: etree._Element) -> etree._Element | None:
    """The element that holds the note whose beginning, or whole, has a name; None for a part of the page."""
    if target.tag == "dt":
        return next(target.itersiblings("dd"), None)
    if target.tag in ("table", "tr"):
        return next(iter(list(target.iter("td"))[-1:]), None)
    element: etree._Element | None = target
    while element is not None and element.tag not in BLOCKS:
        element = element.getparent()
    if element is None or element.tag in _PAGE or element.tag in HEADINGS:
        return None
    around = element.getparent()
    if element.tag == "p" and around is not None and around.tag in ("li", "aside") and around[0] is element:
        return around
    return element if next(element.iter("h1", "h2", "table"), None) is None else None


def _place_of(link: etree._Element) -> etree._Element:
    """What a note to this link stands behind: a paragraph, an item, a table; in a part of the page the last of the words around it."""
    around = [element for element in link.iterancestors() if element.tag in BLOCKS]
    table = next((element for element in reversed(around) if element.tag == "table"), None)
    if table is not None or not around:
        return link if table is None else table
    if around[0].tag == "dt":
        return next(around[0].itersiblings("dd"), around[0])
    item = next((element for element in around[:2] if element.tag == "li"), None)
    if item is not None or around[0].tag == "p":
        return around[0] if item is None else item
    if around[0].tag not in _PAGE and all(child.tag not in BLOCKS for child in around[0]):
        return around[0]
    last = link
    while last.getparent() is not around[0]:
        last = last.getparent()
    while (following := last.getnext()) is not None and following.tag not in BLOCKS:
        last = following
    return last


def _say(link: etree._Element, mark: str) -> None:
    """Put a mark in place of a link, apart from the words around it."""
    around = link.getparent()
    assert around is not None
    outer = around if around.tag == "sup" and not _has_more(around, link) else link
    for child in list(outer):
        outer.remove(child)
    outer.attrib.clear()
    outer.tag, outer.text = "span", f" {mark}" + (" " if (outer.tail or "")[:1].isalnum() else "")


def _has_more(around: etree._Element, link: etree._Element) -> bool:
    """Whether other links or words stand raised beside a link."""
    return len(around) > 1 or bool((around.text or "").strip(" [(,")) or bool((link.tail or "").strip(" ]),"))


def _begin_with(note: etree._Element, mark: str) -> None:
    """Put its mark at a note's beginning, in place of what it has there, and take away what leads back to the text."""
    for element in list(note.iter("a", "span", "sup")):
        if element is not note and _leads_back(element, mark):
            _drop(element)
    leaf = note
    while not (leaf.text or "").strip() and len(leaf) and leaf[0].tag in ("p", "div", "cite"):
        leaf = leaf[0]
    text = leaf.text or ""
    own = _OWN_MARK.match(text)
    said = next((each for each in own.groups() if each), "") if own else ""
    if own is not None and said.lower() == mark.lower():
        text = text[own.end() :]
    leaf.text = f"[{mark}] {text.lstrip()}"


def _leads_back(element: etree._Element, mark: str) -> bool:
    """Whether an element within a note is its number, or a link back to the text."""
    text = "".join(element.itertext()).strip()
    is_mark = text.strip("[](){}. ") == mark
    if element.tag == "span":
        return "label" in element.get("class", "").split() and (is_mark or not text)
    if element.tag == "sup":
        return is_mark and not (element.getprevious() is not None or (element.getparent().text or "").strip())
    back = element.get("href", "").startswith("#") and (is_mark or _ARROWS.fullmatch(text) is not None)
    classes = element.get("class", "").split()
    return back or element.get("role") == "doc-backlink" or any("back" in name and name in MARKS for name in classes)


def _drop(element: etree._Element) -> None:
    """Take an element away, but not what follows it."""
    around = element.getparent()
    if around is None:
        return
    before = element.getprevious()
    if element.tail and before is not None:
        before.tail = (before.tail or "") + element.tail
    elif element.tail:
        around.text = (around.text or "") + element.tail
    around.remove(element)


def _move(note: etree._Element, place: etree._Element) -> None:
    """Put a note behind an element, as a paragraph; what held nothing but the note goes."""
    emptied = list(_holders(note))
    followers, note.tail = note.tail, None
    around, before = note.getparent(), note.getprevious()
    assert around is not None
    if followers and before is not None:
        before.tail = (before.tail or "") + followers
    elif followers:
        around.text = (around.text or "") + followers
    holder = place.getparent()
    if place.tag in BLOCKS or holder is None:
        tail, place.tail = place.tail, None
        place.addnext(note)
        note.tail = tail
    else:
        holder.insert(holder.index(place) + 1, note)
    note.tag = "div"
    note.attrib.clear()
    for empty in emptied:
        _drop(empty)


def _holders(note: etree._Element) -> Iterator[etree._Element]:
    """What is empty without a note: a list of it alone, the term that was its number."""
    if note.tag == "dd" and (term := note.getprevious()) is not None and term.tag == "dt":
        yield term
    outer = note
    for around in note.iterancestors():
        if around.tag in _PAGE or (around.text or "").strip() or any(_holds_more(child, outer) for child in around):
            break
        outer = around
    if outer is not note:
        yield outer


def _holds_more(child: etree._Element, note: etree._Element) -> bool:
    """Whether there is text in what stands beside a note, or behind that; its number is none."""
    if (child.tail or "").strip():
        return True
    if child is note or (child.tag in ("td", "dt") and len("".join(child.itertext())) < MAX_MARK_CHARS):
        return False
    return any(text.strip() for text in child.itertext())
