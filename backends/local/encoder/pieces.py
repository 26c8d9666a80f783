"""Cuts texts into a Unigram vocabulary's pieces, as SentencePiece does; built from what the model file holds.

SentencePiece reads its models from protocol buffers, so that is what the vocabulary is put into: a handful of fields, written out here,
since reading them back takes a third of the time and a fifth of the memory that the same vocabulary takes in `tokenizers`.
"""

import struct
from typing import Any

import numpy as np

from backends.local.encoder.e5_file import Vocabulary
from pipeline.errors import Unavailable

NORMAL, UNKNOWN, CONTROL = 1, 2, 3
UNKNOWN_ID = range(40, 44)
"""Fields of what was trained: the ids of the unknown piece, of those before and behind a text, and of padding."""

AROUND = 11
"""Bytes of a piece's message beside its text."""

LONGEST = 127 - AROUND


class Pieces:
    """A text to ids. Thread-safe."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        """Raises Unavailable if SentencePiece cannot be loaded."""
        try:
            from sentencepiece import SentencePieceProcessor
        except ImportError as error:
            raise Unavailable(
                f"sentencepiece cannot be loaded ({type(error).__name__}). Install Raglass again, or choose the research profile "
                "(RAGLASS_PROFILE=research)."
            ) from error
        self._read_as = vocabulary.read_as
        self._processor: Any = SentencePieceProcessor()
        self._processor.LoadFromSerializedProto(_model(vocabulary))

    def cut(self, text: str) -> list[int]:
        """A text's ids, without those that stand before and behind it."""
        # Before SentencePiece sees it, since that keeps runs of white space where a code point was read as nothing.
        read = text.translate(self._read_as)
        while "  " in read:
            read = read.replace("  ", " ")
        ids: list[int] = self._processor.EncodeAsIds(read)
        return ids


def _model(vocabulary: Vocabulary) -> bytes:
    """A SentencePiece `ModelProto`: pieces (field 1), what was trained (2: Unigram, ids), how to prepare (3: as it is, `▁` in front)."""
    ids = (vocabulary.unknown, vocabulary.begin, vocabulary.end, vocabulary.pad)
    trained = b"\x18\x01" + b"".join(
        struct.pack("BBB", field << 3 & 127 | 128, field >> 4, number)
        for field, number in zip(UNKNOWN_ID, ids, strict=True)
    )
    prepared = b"\x0a\x08identity\x18\x01\x20\x00\x28\x01"
    return b"".join(
        [_pieces(vocabulary), *(bytes((tag, len(part))) + part for tag, part in ((0x12, trained), (0x1A, prepared)))]
    )


def _pieces(vocabulary: Vocabulary) -> bytes:
    """Every piece as a message: text (1), score (2), kind (3). Each is short: lengths take one byte, and all are laid out at once."""
    sizes = np.diff(vocabulary.ends, prepend=0)
    if sizes.max() > LONGEST:
        raise ValueError("a piece of the vocabulary is too long")
    rows = np.zeros((len(sizes), AROUND), np.uint8)
    rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3] = 0x0A, sizes + AROUND - 2, 0x0A, sizes
    rows[:, 4], rows[:, 5:9], rows[:, 9] = 0x15, vocabulary.scores.astype("<f4").view(np.uint8).reshape(-1, 4), 0x18
    rows[:, 10] = NORMAL
    rows[[vocabulary.begin, vocabulary.end, vocabulary.pad], 10] = CONTROL
    rows[vocabulary.unknown, 10] = UNKNOWN
    # The text goes behind the fourth byte of its row.
    starts = vocabulary.ends - sizes + AROUND * np.arange(len(sizes))
    places = (starts + sizes)[:, None] + np.arange(AROUND)
    places[:, :4] = starts[:, None] + np.arange(4)
    laid = np.empty(rows.size + len(vocabulary.text), np.uint8)
    laid[places] = rows
    inside = np.ones(len(laid), np.bool_)
    inside[places] = False
    laid[inside] = vocabulary.text
    return laid.tobytes()
