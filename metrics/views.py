"""`SavedViews`: filters of the list of traces that people gave a name, in a trace store's database. Refuses to know what a filter is."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select, update

from metrics import search
from metrics.database import Database
from metrics.tables import views
from pipeline.errors import InputError

MAX_NAME_CHARS = 60
"""A longer name fits no menu."""

MAX_ADDRESS_CHARS = 8_000
"""A longer address is followed by no browser and no proxy."""

MAX_VIEWS = 500
"""More than anybody looks through."""


@dataclass(frozen=True, slots=True)
class SavedView:
    """A view as it is kept."""

    name: str
    """What people call it; the part of a link that finds it."""
    address: str
    """The query part of the list's address."""
    saved_at: float
    """When it was last saved, in seconds since the epoch."""


class SavedViews:
    """Views in a trace store's database, shared by all who use it. Every error of the database is a StoreError."""

    def __init__(self, database: Database, explained: Callable[[], AbstractContextManager[None]]) -> None:
        self._database, self._explained = database, explained

    def all(self) -> Sequence[SavedView]:
        """Every view, by name."""
        with self._explained(), self._database.engine.connect() as connection:
            found = [SavedView(*row) for row in connection.execute(select(views))]
        return sorted(found, key=lambda view: (view.name.casefold(), view.name))

    def find(self, name: str) -> SavedView:
        """A view by its name. Raises InputError if there is none."""
        with self._explained(), self._database.engine.connect() as connection:
            row = connection.execute(select(views).where(views.c.name == search.storable(name))).one_or_none()
        if row is None:
            raise InputError(
                f"There is no saved view {name[:MAX_NAME_CHARS]!r}. It may have been renamed or deleted; choose another."
            )
        return SavedView(*row)

    def save(self, name: str, address: str, *, replace: bool = False) -> SavedView:
        """Keep an address under a name.

        replace: whether in place of one of that name, if there is one. Raises InputError for a name that is taken otherwise, for one
        that is blank or too long, for an address that says nothing or is too long, and beyond MAX_VIEWS.
        """
        view = SavedView(_checked(name), address, time.time())
        if not address:
            raise InputError(
                "Nothing is chosen that a view could keep. Set a filter, or another order, and save it then."
            )
        if len(address) > MAX_ADDRESS_CHARS:
            raise InputError(
                f"These filters make an address of {len(address):,} characters; at most {MAX_ADDRESS_CHARS:,} are kept. Choose less."
            )
        with self._explained(), self._database.writing() as connection:
            if not replace:
                _refuse_taken(connection, view.name)
            connection.execute(delete(views).where(views.c.name == view.name))
            if (connection.scalar(select(func.count()).select_from(views)) or 0) >= MAX_VIEWS:
                raise InputError(f"There are {MAX_VIEWS:,} saved views. Delete one before you save another.")
            connection.execute(insert(views).values(name=view.name, address=view.address, saved_at=view.saved_at))
        return view

    def rename(self, name: str, new: str) -> str:
        """Call a view something else; the name as it is kept. Raises InputError if there is no such view, or for a name that cannot be."""
        new = _checked(new)
        with self._explained(), self._database.writing() as connection:
            if new != name:
                _refuse_taken(connection, new)
            changed = connection.execute(update(views).where(views.c.name == search.storable(name)).values(name=new))
        if not changed.rowcount:
            self.find(name)
        return new

    def delete(self, name: str) -> None:
        """Forget a view. One that is gone already is as good as deleted."""
        with self._explained(), self._database.writing() as connection:
            connection.execute(delete(views).where(views.c.name == search.storable(name)))


def _checked(name: str) -> str:
    """The name as it is kept: on one line, without what no screen shows."""
    shown = " ".join("".join(char if char.isprintable() else " " for char in search.storable(name)).split())
    if not shown:
        raise InputError("The view has no name. Give it one by which others will know it.")
    if len(shown) > MAX_NAME_CHARS:
        raise InputError(f"The name has {len(shown):,} characters; at most {MAX_NAME_CHARS} are kept. Shorten it.")
    return shown


def _refuse_taken(connection: Connection, name: str) -> None:
    if connection.scalar(select(views.c.name).where(views.c.name == name)) is not None:
        raise InputError(
            f"There is a saved view {name!r} already. Choose another name, or open that one and save it there."
        )
