"""Where the words that answer stand in an answer that quotes."""

from collections.abc import Sequence

from pipeline.types import Chunk, Generation


def answering_words(generation: Generation, chunks: Sequence[Chunk]) -> list[tuple[int, int]]:
    """Character ranges of the answer, in order: of each quotation, the words that answer, where that is known.

    An answer shows the white space inside a quotation as single spaces, so that places are found again, not computed.
    """
    text_of = {chunk.chunk_id: chunk.text for chunk in chunks}
    found, at = [], 0
    for piece in generation.evidence:
        text = text_of.get(piece.chunk_id)
        if text is None or piece.answer is None:
            continue
        start, end = piece.answer
        begin = generation.answer.find(_one_line(text[piece.start : piece.end]), at)
        words = _one_line(text[start:end])
        place = generation.answer.find(words, begin + len(_one_line(text[piece.start : start]))) if begin >= 0 else -1
        if words and place >= 0:
            found.append((place, place + len(words)))
            at = place + len(words)
    return found


def _one_line(text: str) -> str:
    return " ".join(text.split())
