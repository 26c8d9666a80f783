"""What the span reader reads: a question and a chunk as one row of tokens. Used alike when it is trained and when it answers."""

from pathlib import Path

from tokenizers import Encoding, Tokenizer

MAX_TOKENS = 352
"""Of question and chunk together; the chunk's end is cut. A chunk of 1,200 letters of English has about 280."""

MAX_QUESTION_CHARS = 300
"""Of the question; what is beyond is not read, so that a chunk always has room."""


def open_tokenizer(source: bytes | Path) -> Tokenizer:
    """A WordPiece tokenizer from its JSON, without padding, that cuts the second of two texts at MAX_TOKENS."""
    data = source.read_bytes() if isinstance(source, Path) else source
    tokenizer = Tokenizer.from_str(data.decode("utf-8"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS, strategy="only_second")
    return tokenizer


def title_before(title: str) -> str:
    """What stands before a chunk's text."""
    return f"{title[:MAX_QUESTION_CHARS]}. " if title else ""


def encode_pair(tokenizer: Tokenizer, question: str, title: str, text: str) -> Encoding:
    """Tokens of `[CLS] question [SEP] title. text [SEP]`; offsets of the second part count from the title's first letter."""
    asked, read = readable(question[:MAX_QUESTION_CHARS]), readable(title_before(title) + text)
    while True:
        try:
            return tokenizer.encode(asked, read)
        except Exception:  # no narrower class is there: a question whose letters are several tokens left no room
            if len(asked) < 2:
                raise
            asked = asked[: len(asked) // 2]


def readable(text: str) -> str:
    """Lone surrogates, which are no UTF-8, as `?`: one character for one, so that places stay."""
    return text.encode("utf-8", "replace").decode()
