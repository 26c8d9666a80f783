"""The exact texts that are embedded and word-matched for a chunk and for a sentence, so that index and reader agree."""


def chunk_text(heading: str, text: str) -> str:
    """What stands for a chunk: its document's title and section in front, so that a chunk that says "he" or "it" can be found."""
    return f"{heading}\n{text}" if heading else text


def sentence_text(heading: str, sentence: str) -> str:
    """What stands for a sentence of a chunk: likewise title and section in front."""
    return f"{heading}\n{sentence}" if heading else sentence
