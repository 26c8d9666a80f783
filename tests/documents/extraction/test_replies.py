"""What a child sends is believed where it is what a reader of ours sends, and nowhere else."""

import io
from dataclasses import replace
from typing import Any

import orjson
import pytest

from backends.local.documents import Document, Part, Place, ReadLimits
from backends.local.documents.extraction.replies import (
    HEAD,
    MAX_FRAME_BYTES,
    PARTS,
    TEXT_CHARS,
    End,
    MalformedReply,
    Outcome,
    ended,
    excess,
    frame,
    read_frames,
    received,
    sent,
)
from backends.local.documents.types import document_id_for

LIMITS = ReadLimits()
GOOD = ended(End(Outcome.READ))


def document(text: str = "Text.", *, source: str = "a.txt", parts: tuple[Part, ...] = (), **changes: Any) -> Document:
    made = Document(document_id_for(source, "Title", text), "Title", text, source, parts)
    return replace(made, **changes)


def receive(*frames: bytes, source: str = "a.txt", limits: ReadLimits = LIMITS) -> tuple[list[Document], End]:
    return received(read_frames(io.BytesIO(b"".join(frames)).read), source, limits)


def head(**changes: Any) -> bytes:
    return frame(b"D", orjson.dumps({"title": "Title", "source": "a.txt", "doubts": [], **changes}))


def parts(*rows: list[Any]) -> bytes:
    return frame(b"P", orjson.dumps(rows))


def test_documents_arrive_as_they_were_sent() -> None:
    long = "\U0001f600é水a" * TEXT_CHARS  # four frames of text, cut where characters have one to four bytes
    rows = tuple(
        Part(4 * n, 4 * n + 3, "row", ("Tables", f"Table {n // 1_000}"), Place("row", n + 1)) for n in range(PARTS + 1)
    )
    plain = (Part(0, 2, "heading", ("One",)), Part(3, 5))
    documents = [
        document(long, parts=rows, doubts=("First.", "Second.")),
        document("1\n2 3", source="a.txt!/b.txt", parts=plain),
        document(),
    ]
    frames = [piece for each in documents for piece in sent(each)]
    assert receive(*frames, GOOD) == (documents, End(Outcome.READ))


def test_a_frame_takes_no_more_than_it_may() -> None:
    assert all(len(piece) <= MAX_FRAME_BYTES for piece in sent(document("\U0001f600" * 3 * TEXT_CHARS)))
    with pytest.raises(OverflowError):
        frame(b"T", b"x" * (MAX_FRAME_BYTES + 1))


def test_a_file_that_was_refused_gives_no_documents() -> None:
    refused = End(Outcome.REFUSED, "Why.", "A log.")
    assert receive(*sent(document()), ended(refused)) == ([], refused)


def test_what_comes_after_the_end_is_not_read() -> None:
    assert receive(*sent(document()), GOOD, b"nonsense") == ([document()], End(Outcome.READ))


@pytest.mark.parametrize(
    "frames",
    [
        [],
        [b"\0"],
        [*sent(document())],
        [GOOD[:-1]],
        [HEAD.pack(b"T", MAX_FRAME_BYTES + 1)],
        [frame(b"X", b"")],
        [frame(b"T", b"Text without a document."), GOOD],
        [frame(b"D", b"no JSON"), GOOD],
        [frame(b"D", b"[1]"), GOOD],
        [frame(b"E", b'{"outcome": "splendid", "message": "", "log": ""}')],
        [frame(b"E", b'{"outcome": "read"}')],
        [head(), GOOD],
        [head(), frame(b"T", b" \n"), GOOD],
        [head(), frame(b"T", b"\xff"), GOOD],
        [head(title=" "), frame(b"T", b"Text."), GOOD],
        [head(title="x" * 201), frame(b"T", b"Text."), GOOD],
        [head(title=7), frame(b"T", b"Text."), GOOD],
        [head(source="another.txt"), frame(b"T", b"Text."), GOOD],
        [head(source="a.txt.other"), frame(b"T", b"Text."), GOOD],
        [head(doubts=["One."] * 101), frame(b"T", b"Text."), GOOD],
        [head(doubts=[1]), frame(b"T", b"Text."), GOOD],
    ],
)
def test_a_reply_that_is_none_is_refused(frames: list[bytes]) -> None:
    with pytest.raises(MalformedReply):
        receive(*frames)


@pytest.mark.parametrize(
    "rows",
    [
        [[0, 6, "text", None, 0]],  # The text has five characters.
        [[0, 0, "text", None, 0]],
        [[-1, 2, "text", None, 0]],
        [[0, 3, "text", None, 0], [2, 5, "text", None, 0]],
        [[0, True, "text", None, 0]],
        [[0.0, 5, "text", None, 0]],
        [[0, 5, "poem", None, 0]],
        [[0, 5, "row", "row", 0]],
        [[0, 5, "row", "verse", 1]],
        [[0, 5, "row", "row", "1"]],
        [[0, 5, "text", None, 0, [1]]],
        [[0, 5, "text", None, 0, 7]],
        [[0, 5]],
        [7],
    ],
)
def test_parts_that_are_none_are_refused(rows: list[Any]) -> None:
    with pytest.raises(MalformedReply):
        receive(head(), frame(b"T", b"Text."), parts(*rows), GOOD)


@pytest.mark.parametrize(
    ("limits", "outcome"),
    [
        (replace(LIMITS, chars=9), Outcome.CHARS),
        (replace(LIMITS, parts=3), Outcome.PARTS),
        (replace(LIMITS, documents=1), Outcome.DOCUMENTS),
        (replace(LIMITS, chars=10, parts=4, documents=2), None),
    ],
)
def test_output_is_counted_over_all_documents(limits: ReadLimits, outcome: Outcome | None) -> None:
    documents = [document(parts=(Part(0, 2), Part(2, 5)))] * 2
    assert excess(documents, limits) is outcome


def test_a_child_that_does_not_count_is_not_believed() -> None:
    with pytest.raises(MalformedReply):
        receive(*sent(document()), *sent(document()), GOOD, limits=replace(LIMITS, documents=1))


def test_a_reply_without_end_is_cut_off() -> None:
    limits = replace(LIMITS, chars=10_000, parts=0, documents=0)
    begun = io.BytesIO(head() + frame(b"T", b"x" * 1_000) * 50)
    assert received(read_frames(begun.read), "a.txt", limits) == ([], End(Outcome.PARTS))
