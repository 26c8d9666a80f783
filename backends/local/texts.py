"""The exact texts that are embedded and word-matched for a chunk and for a sentence, so that index and reader agree."""


def chunk_text(title: str, text: str) -> str:
    """What stands for a chunk: its document's title in front, so that a chunk that says "he" or "it" can be found."""
    return f"{title}\n{text}" if title else text


def sentence_text(title: str, sentence: str) -> str:
    """What stands for a sentence of a chunk: likewise the title in front."""
    return f"{title}\n{sentence}" if title else sentence
