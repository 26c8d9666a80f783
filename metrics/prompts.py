"""`SavedPrompts`: prompts that people gave a name, each text a version of its own, in a trace store's database."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from sqlalchemy import delete, func, insert, select

from metrics import search
from metrics.database import Database
from metrics.tables import prompts
from pipeline.errors import InputError
from pipeline.prompts import DEFAULT, PromptTemplate

MAX_VERSIONS = 2_000
"""Of all prompts together; more than anybody compares."""

MAX_SHOWN_CHARS = 80
"""Of a name that is not known, in a message."""


@dataclass(frozen=True, slots=True)
class SavedPrompt:
    """A version of a prompt as it is kept."""

    prompt: PromptTemplate
    """Its name and its text."""
    number: int
    """Which version of that name it is, from 1."""
    saved_at: float
    """Seconds since the epoch."""


class SavedPrompts:
    """Prompts in a trace store's database, shared by all who use it. Every error of the database is a StoreError."""

    def __init__(self, database: Database, explained: Callable[[], AbstractContextManager[None]]) -> None:
        self._database, self._explained = database, explained

    def all(self) -> Sequence[SavedPrompt]:
        """Every version: by name, the newest first."""
        with self._explained(), self._database.engine.connect() as connection:
            found = [_to_prompt(*row) for row in connection.execute(select(prompts))]
        return sorted(found, key=lambda each: (each.prompt.name.casefold(), each.prompt.name, -each.number))

    def newest(self) -> Sequence[SavedPrompt]:
        """The newest version of each, by name."""
        found: dict[str, SavedPrompt] = {}
        for each in self.all():
            found.setdefault(each.prompt.name, each)
        return list(found.values())

    def find(self, named: str) -> SavedPrompt | None:
        """A version (`name@1a2b3c4d`), or the newest of a name; None if there is none."""
        name = search.storable(named).partition("@")[0]
        query = select(prompts).where(prompts.c.name == name).order_by(prompts.c.number.desc())
        with self._explained(), self._database.engine.connect() as connection:
            versions = [_to_prompt(*row) for row in connection.execute(query)]
        meant = [each for each in versions if named in (name, each.prompt.version)]
        return meant[0] if meant else None

    def save(self, prompt: PromptTemplate) -> SavedPrompt:
        """Keep a prompt as the newest version of its name; one that is that already stays as it is.

        Raises InputError for the usual prompt's name, and beyond MAX_VERSIONS.
        """
        if prompt.name == DEFAULT.name:
            raise InputError(f"{DEFAULT.name} is what the usual prompt is called. Choose another name.")
        newest = self.find(prompt.name)
        if newest is not None and newest.prompt == prompt:
            return newest
        saved_at = time.time()
        with self._explained(), self._database.writing() as connection:
            if (connection.scalar(select(func.count()).select_from(prompts)) or 0) >= MAX_VERSIONS:
                raise InputError(
                    f"There are {MAX_VERSIONS:,} versions of prompts. Delete some before you save another."
                )
            last = connection.scalar(select(func.max(prompts.c.number)).where(prompts.c.name == prompt.name)) or 0
            row = {"name": prompt.name, "number": last + 1, "text": prompt.text, "saved_at": saved_at}
            connection.execute(insert(prompts).values(**row))
        return SavedPrompt(prompt, last + 1, saved_at)

    def delete(self, named: str) -> int:
        """Forget a version, or all of a name; how many. Traces keep the text that they were asked with. Raises InputError for none."""
        meant = [each for each in self.all() if named in (each.prompt.name, each.prompt.version)]
        if not meant:
            raise InputError(
                f"There is no prompt {named[:MAX_SHOWN_CHARS]!r} to delete. `raglass prompt list` lists them."
            )
        with self._explained(), self._database.writing() as connection:
            for each in meant:
                this = (prompts.c.name == each.prompt.name, prompts.c.number == each.number)
                connection.execute(delete(prompts).where(*this))
        return len(meant)


def _to_prompt(name: str, number: int, text: str, saved_at: float) -> SavedPrompt:
    return SavedPrompt(PromptTemplate(name, text), number, saved_at)
