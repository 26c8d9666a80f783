"""Mail (RFC 5322, MIME) to its subject, its text and the documents attached to it. Nothing is fetched, and no address is followed."""

import email
import email.policy
import re
from collections import Counter
from collections.abc import Iterator
from email.message import EmailMessage, Message
from itertools import groupby

from lxml import html

from backends.local.documents.archives.members import counted, listed, member_readings
from backends.local.documents.blocks import Block, Reading
from backends.local.documents.encoding import codec_of
from backends.local.documents.extract import printable
from backends.local.documents.formats import format_of
from backends.local.documents.markup.page import read_html
from backends.local.documents.plaintext.plain import plain_blocks
from backends.local.documents.text import clean, decode, one_line
from backends.local.documents.types import base_name
from backends.local.documents.unpacking import Budget

EARLIER = "Earlier messages"
"""Heading over what is quoted below the text."""

SIGNATURE = "-- "
"""The line above a signature (RFC 3676, 4.3)."""

INTRODUCTION_LINES = 3
"""That "On …, … wrote:" may be wrapped to."""

QUOTES = "|".join(
    (
        "//blockquote[@type='cite']",
        "//div[contains(concat(' ', @class, ' '), ' gmail_quote ')]",
        "//div[contains(concat(' ', @class, ' '), ' yahoo_quoted ')]",
        "//*[@id='divRplyFwdMsg']",
        "//*[@id='divRplyFwdMsg' or @id='appendonsend']/following-sibling::*",
    )
)
"""Where programs put the message that is answered, in HTML."""

_INTRODUCTION = re.compile(
    r"(?:On|Am|Le|El|Il|Op|Em|Den)\b.{4,300}"
    r"\b(?:wrote|schrieb|a écrit|escribió|ha scritto|schreef|escreveu|skrev)\b.{0,80}:",
    re.IGNORECASE,
)
_SEPARATOR = re.compile(
    r"^-{2,} ?(?:Original Message|Forwarded message|Ursprüngliche Nachricht) ?-{2,}$", re.MULTILINE | re.IGNORECASE
)
_QUOTE_MARKS = re.compile(r"^[> ]*>[> ]*")


def read(name: str, data: bytes, budget: Budget) -> Iterator[Reading]:
    """A mail, and after it what is attached in known formats, each with its file's name; what is not is told beside the mail.

    What is quoted below the text stands apart, under a heading. Raises ValueError if there is no mail header.
    """
    mail = email.message_from_bytes(data, policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    if not any(mail.get_all(header) for header in ("From", "Subject", "Date", "Received", "Message-ID")):
        raise ValueError("no header of a mail")
    attached: list[Reading] = []
    failed: list[str] = []
    unknown: list[str] = []
    for path, content in _attachments(mail):
        if format_of(path) is None:
            unknown.append(path)
        else:
            attached += member_readings(path, content, budget, failed)
    if unknown:
        failed.insert(
            0,
            f"Attached, of no format that is read: {listed(unknown)}. Save what is needed of them as text, and add that.",
        )
    sent = "; ".join(
        f"{header}: {value}" for header in ("From", "To", "Cc", "Date") if (value := _header(mail, header))
    )
    yield Reading(_header(mail, "Subject"), (Block(sent), *_body(mail)), counted(failed))
    yield from attached


def _header(mail: Message, name: str) -> str:
    try:
        return one_line(str(mail.get(name, "")))
    except (
        AttributeError,
        IndexError,
        KeyError,
        TypeError,
        ValueError,
    ):  # The parser of the standard library, on broken headers.
        return ""


def _attachments(mail: EmailMessage) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of the files attached, and of mails as such; what stands in the text without a name is no attachment."""
    seen: Counter[str] = Counter()
    for part in mail.iter_attachments() if mail.is_multipart() else ():
        if part.get_content_type() == "message/rfc822":
            inner = part.get_content()
            path, content = f"{_header(inner, 'Subject') or 'Attached mail'}.eml", inner.as_bytes()
        else:
            path, content = part.get_filename() or "", part.get_payload(decode=True)
            if not path or (part.get_content_disposition() != "attachment" and format_of(path) is None):
                continue
        path = printable(base_name(path))
        seen[path] += 1
        if isinstance(content, bytes):
            yield (path if seen[path] == 1 else f"({seen[path]}) {path}"), content


def _body(mail: EmailMessage) -> Iterator[Block]:
    """The text, from the plain part if there is one with text in it."""
    for kind in ("plain", "html"):
        part = mail.get_body(preferencelist=(kind,))
        text = _text_of(part) if part is not None else ""
        if not text.strip():
            continue
        own, earlier = _split_html(text) if kind == "html" else _split_plain(text)
        yield from own
        if earlier:
            yield Block(EARLIER, "heading")
            yield from earlier
        return


def _text_of(part: Message) -> str:
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        return ""
    declared = codec_of(part.get_content_charset("utf-8"))
    try:
        # Not UTF-8 first: the bytes of ISO-2022-JP, common in mail, are valid in it.
        return clean(content.decode(declared or "utf-8"))
    except UnicodeError:
        return clean(decode(content)[0])


def _split_html(text: str) -> tuple[list[Block], list[Block]]:
    """(what is new, what is quoted) of an HTML body."""
    if not text.strip():
        return [], []
    page = html.document_fromstring(text)
    quotes = page.xpath(QUOTES)
    outermost = [quote for quote in quotes if not any(around in quotes for around in quote.iterancestors())]
    for quote in outermost:
        quote.drop_tree()
    quoted = "".join(html.tostring(quote, encoding="unicode", with_tail=False) for quote in outermost)
    own = html.tostring(page, encoding="unicode")
    return list(read_html(own).blocks), list(read_html(quoted).blocks) if quoted else []


def _split_plain(text: str) -> tuple[list[Block], list[Block]]:
    """(what is new, what is quoted below it) of a plain body. A quote that is answered below it stays where it is, behind `>`.

    The signature is new too, whether the quote stands above or below it.
    """
    text, _, signed = text.partition(f"\n{SIGNATURE}\n")
    own, earlier = _split_quote(text)
    signature, below = _split_quote(signed)
    earlier = "\n\n".join(quote for quote in (earlier, below) if quote.strip())
    return _answers(own) + plain_blocks("\n".join(signature)), plain_blocks(earlier) if earlier else []


def _split_quote(text: str) -> tuple[list[str], str]:
    """(lines of what is new, what is quoted below them without its marks and introduction)."""
    found = _SEPARATOR.search(text)
    lines = text[: found.start()].split("\n") if found else text.split("\n")
    own = len(lines)
    while own and (not lines[own - 1].strip() or lines[own - 1].startswith(">")):
        own -= 1
    quoted = [_QUOTE_MARKS.sub("", line) for line in lines[own:]]
    if any(line.strip() for line in quoted):
        for count in range(1, min(INTRODUCTION_LINES, own) + 1):
            if _INTRODUCTION.fullmatch(" ".join(lines[own - count : own]).strip()):
                own -= count
                break
    return lines[:own], "\n".join(quoted) + (text[found.end() :] if found else "")


def _answers(lines: list[str]) -> list[Block]:
    """Paragraphs; a run of quoted lines is one."""
    blocks: list[Block] = []
    for quoted, run in groupby(lines, key=lambda line: line.startswith(">")):
        if quoted:
            blocks.append(Block("> " + " ".join(_QUOTE_MARKS.sub("", line) for line in run)))
        else:
            blocks += plain_blocks("\n".join(run))
    return blocks
