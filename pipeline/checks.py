"""What may be asked: the question's text, how many chunks, how long, how many samples. Whoever answers checks it first.

It owns the limits and what a question looks like once it is cleaned.
"""

import math
import unicodedata

from pipeline.errors import InputError

MAX_QUESTION_CHARS = 2_000
"""A longer text is a document, not a question; E5 reads 512 tokens."""

MAX_TOP_K = 100
"""More chunks than anyone reads; also what keeps a trace small."""

UNSTORABLE = {0: " ", **dict.fromkeys(range(0xD800, 0xE000), "\ufffd")}
"""NUL, which C strings and PostgreSQL cannot hold, and lone surrogates, which UTF-8 cannot."""


def clean_question(question: str) -> str:
    """The question as it will be asked and stored, in NFC. Raises InputError if it is blank or too long."""
    cleaned = unicodedata.normalize("NFC", question.translate(UNSTORABLE)).strip()
    if not cleaned:
        raise InputError("The question is blank. Type a question.")
    if len(cleaned) > MAX_QUESTION_CHARS:
        raise InputError(
            f"The question has {len(cleaned):,} characters; at most {MAX_QUESTION_CHARS:,} are allowed. "
            "Shorten it, or add the long text to the corpus and ask about it."
        )
    return cleaned


def check_top_k(top_k: int) -> None:
    """Raise InputError unless 1 ≤ top_k ≤ MAX_TOP_K."""
    if not 1 <= top_k <= MAX_TOP_K:
        raise InputError(f"top_k is {top_k}; ask for between 1 and {MAX_TOP_K} chunks.")


def check_deadline(deadline_s: float) -> None:
    """Raise InputError for what is no number of seconds. Zero or less is one: the question's time is up already."""
    if not math.isfinite(deadline_s):
        raise InputError(f"The deadline is {deadline_s} s; give a finite number of seconds.")


def check_sampling(samples: int, temperature: float, seed: int) -> None:
    """Raise InputError unless samples ≥ 1, temperature is above 0 and finite, and seed ≥ 0."""
    if samples < 1:
        raise InputError(f"{samples} samples are asked for; ask for at least 1.")
    if not (temperature > 0 and math.isfinite(temperature)):
        raise InputError(f"The temperature is {temperature}; give a number above 0, where 1 draws as the model would.")
    if seed < 0:
        raise InputError(f"The seed is {seed}; give a whole number of 0 or more.")
