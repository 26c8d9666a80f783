"""Labelled questions in a file, for runs over the scripted backend, which says “Sentence 1 of the script.” to all of them."""

from pathlib import Path


def write_questions(path: Path, count: int, *, right_every: int = 2, typed: bool = True) -> Path:
    """A table of questions, each about an article of its own; the script's answer is right for every `right_every`th."""
    rows = [
        f"q{number},Question {number}?,{'Oslo' if number % right_every else 'Sentence 1'},"
        f"{('PERSON' if number % 3 else 'DATE') if typed else ''},article {number}"
        for number in range(count)
    ]
    path.write_text("\n".join(["id,question,answer,type,article", *rows]) + "\n")
    return path
