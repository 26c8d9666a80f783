"""Every relative link of the documents leads to a file, and to a heading of it where it names one."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

DOCUMENTS = sorted(
    [*(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "SECURITY")), *(ROOT / "docs").rglob("*.md")]
)

LINK = re.compile(r"""\]\(([^)\s]+)\)|(?:src|href)="([^"]+)\"""")
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.M | re.S)


def links(text: str) -> list[str]:
    """Where a document leads within the repository: what stands in code leads nowhere."""
    found = [first or second for first, second in LINK.findall(CODE.sub("", text))]
    return [link for link in found if not re.match(r"[a-z]+:", link)]


def anchors(text: str) -> set[str]:
    """What GitHub calls the headings of a document: small letters, no punctuation, a dash for each blank."""
    headings = re.findall(r"^#+ (.+?)\s*$", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    broken = []
    for link in links(document.read_text("utf-8")):
        name, _, anchor = link.partition("#")
        target = (document.parent / name).resolve() if name else document
        is_there = target.exists() and target.is_relative_to(ROOT)
        if not is_there or (anchor and anchor not in anchors(target.read_text("utf-8"))):
            broken.append(link)
    assert not broken


def test_links_in_text_are_seen_and_those_in_code_are_not() -> None:
    text = 'A [page](page.md#part-one), <img src="a.svg">, [elsewhere](https://a.example), `[x](no.md)`\n```\n[y](no.md)\n```\n'
    assert links(text) == ["page.md#part-one", "a.svg"]


def test_headings_are_called_as_on_github() -> None:
    text = "# A key of your own, access logs\n```\n# no heading\n```\n## What `up` does?\n"
    assert anchors(text) == {"a-key-of-your-own-access-logs", "what-up-does"}
