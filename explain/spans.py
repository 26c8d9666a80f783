"""Where an answer's tokens stand in it."""

from collections.abc import Sequence


def token_spans(answer: str, tokens: Sequence[str]) -> list[tuple[int, int]] | None:
    """Each token's characters [start, end) in the answer, white space aside; None where the tokens do not make it up."""
    found, end = [], 0
    for token in tokens:
        start = answer.find(token.strip(), end)
        if start < 0 or answer[end:start].strip():
            return None
        end = start + len(token.strip())
        found.append((start, end))
    return found
