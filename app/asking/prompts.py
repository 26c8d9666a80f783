"""What a generator is told, by the word that people have for it."""

from collections.abc import Callable
from pathlib import Path

from app.permitting.acting import record, require
from app.permitting.roles import Role
from metrics.prompts import SavedPrompt, SavedPrompts
from pipeline.errors import InputError
from pipeline.prompts import DEFAULT, PromptTemplate, read_prompt

FindPrompt = Callable[[str], PromptTemplate]
"""A prompt by a word for it. Raises InputError where it means none."""


def find_prompt(word: str, saved: SavedPrompts) -> PromptTemplate:
    """The usual prompt for its name or version; else one that is saved, the newest of a name or the version; else a file.

    Raises InputError for a word that means none of them, or a file that holds no template.
    """
    word = word.strip()
    if word in (DEFAULT.name, DEFAULT.version):
        return DEFAULT
    found = saved.find(word)
    if found is not None:
        return found.prompt
    path = Path(word).expanduser()
    if path.suffix or path.name != word:
        return read_prompt(path)
    names = [each.prompt.name for each in saved.newest()]
    raise InputError(
        f"There is no prompt {word[:80]!r}. Saved are: {', '.join(names) if names else 'none'}; {DEFAULT.name} is the usual one, and a "
        "file with a prompt's text will do."
    )


def save_prompt(saved: SavedPrompts, prompt: PromptTemplate) -> SavedPrompt:
    """Keep a prompt as the newest version of its name. Takes an editor. Raises NotPermitted, InputError, StoreError."""
    require(Role.EDITOR)
    kept = saved.save(prompt)
    record("saved a prompt", kept.prompt.version)
    return kept


def delete_prompts(saved: SavedPrompts, word: str) -> int:
    """Forget a version, or all of a name; how many went. Takes an editor. Raises NotPermitted, InputError, StoreError."""
    require(Role.EDITOR)
    gone = saved.delete(word)
    record("deleted a prompt", word)
    return gone
