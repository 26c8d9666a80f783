"""Questions that a document answers itself. A question becomes a heading above its answer, so that it is never quoted as the answer."""

import re
from collections.abc import Iterable
from dataclasses import replace

from backends.local.documents.blocks import MAX_HEADING_CHARS, Block

_QUESTION = re.compile(r"(?:\d{1,3}\.\s+)?(?:Q|Question)\s?\d{0,3}\s?[:.)]\s+(?=\S)", re.IGNORECASE)
_ANSWER = re.compile(r"(?:A|Answer)\s?\d{0,3}\s?[:.)]\s+(?=\S)", re.IGNORECASE)
_NEXT_ANSWER = re.compile(r"\s(?:A|Answer)\s?\d{0,3}\s?[:.)]\s+(?=\S)")


def set_questions_apart(blocks: Iterable[Block]) -> list[Block]:
    """The blocks, with "Q: …" of "A: …" as a heading, and the answer without its "A:".

    Such a heading stands below the one before it, or beside that if it is a question too.
    """
    apart: list[Block] = []
    level = 0
    for block in blocks:
        question, answer = ("", block.text)
        if block.kind == "heading":
            level = block.level - is_question(block.text)
        elif block.kind in ("text", "item"):
            question, answer = _halves(block.text)
        if question:
            apart.append(Block(question, "heading", level + 1, block.place))
        if answer and apart and apart[-1].kind == "heading" and is_question(apart[-1].text):
            answer = _ANSWER.sub("", answer, count=1) if _ANSWER.match(answer) else answer
        if answer:
            apart.append(replace(block, text=answer))
    return apart


def is_question(text: str) -> bool:
    """Whether a line asks something, and is no longer than a heading."""
    return text.rstrip().endswith(("?", "？", "؟", "︖")) and len(text) <= MAX_HEADING_CHARS


def _halves(text: str) -> tuple[str, str]:
    """(question, the rest) of a paragraph that begins with a question's mark; ("", text) of any other."""
    mark = _QUESTION.match(text)
    if mark is None:
        return "", text
    rest = text[mark.end() :]
    line, _, below = rest.partition("\n")
    if is_question(line):
        return line, below
    answer = _NEXT_ANSWER.search(rest, 0, MAX_HEADING_CHARS)
    if answer is not None:
        return rest[: answer.start()], rest[answer.start() :].lstrip()
    return "", text
