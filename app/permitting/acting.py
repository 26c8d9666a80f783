"""Who is acting now, whether they may, and the note of what they did.

Whoever acts is found, not handed on: of a page by who signed in, of work that a page began by who began it, else it is the machine.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from app.permitting.roles import MACHINE, NAMED_IN, NotPermitted, Person, Role
from metrics.audit import AuditLog
from pipeline.errors import RaglassError

log = logging.getLogger(__name__)

Visitor = Callable[[], Person | None]
"""Who uses the page that runs now; None where none does."""

Book = Callable[[], AuditLog]
"""Where changes are noted. May raise RaglassError."""

_given: ContextVar[Person | None] = ContextVar("person", default=None)


class _Process:
    """What this process was told."""

    visitor: Visitor = staticmethod(lambda: None)
    book: Book | None = None


def ask_pages(visitor: Visitor) -> None:
    """Let pages say who uses them."""
    _Process.visitor = staticmethod(visitor)


def keep_book(book: Book) -> None:
    """Note changes there from now on."""
    _Process.book = staticmethod(book)


def drop_book(book: Book) -> None:
    """Note no more there."""
    if _Process.book == book:
        _Process.book = None


@contextmanager
def acting_as(person: Person) -> Iterator[None]:
    """Whatever is done in the block, in this thread, this person does."""
    token = _given.set(person)
    try:
        yield
    finally:
        _given.reset(token)


def who() -> Person:
    """Who is acting."""
    return _Process.visitor() or _given.get() or MACHINE


def refusal(role: Role, person: Person) -> str:
    """Why somebody may not do what takes a role; empty if they may."""
    if person.role >= role:
        return ""
    asked = f"Ask who runs this dashboard to name you in {NAMED_IN[role]}."
    return f"This takes the role of {role.name.lower()}; {person.name} has that of {person.role.name.lower()}. {asked}"


def require(role: Role) -> Person:
    """Who is acting. Raises NotPermitted where they do not have the role."""
    person = who()
    if why := refusal(role, person):
        log.warning("refused %r: it takes the role of %s", person.name, role.name.lower())
        raise NotPermitted(why)
    return person


def own_refusal(began: str, what: str, person: Person) -> str:
    """Why somebody may not stop or remove something; empty if they may. began: who began it, empty where that is not known.

    what: as `require_own` has it.
    """
    if why := refusal(Role.EDITOR, person):
        return why
    if person.role >= Role.ADMIN or person.name == began:
        return ""
    by = began or "somebody else"
    return f"{what} by {by}: they may stop or remove it, or an admin may."


def require_own(began: str, what: str) -> Person:
    """Who is acting. Raises NotPermitted unless they are an editor who began it, or an admin.

    what: begins the sentence, as `This run was started`.
    """
    person = who()
    if why := own_refusal(began, what, person):
        log.warning("refused %r: %s by %r", person.name, what, began)
        raise NotPermitted(why)
    return person


def record(did: str, subject: str = "") -> None:
    """Note that who is acting did something to something; that it cannot be noted is said in the log, and undoes nothing."""
    if _Process.book is None:
        return
    try:
        _Process.book().add(who().name, did, subject)
    except RaglassError as error:
        log.error("that %r %s (%r) could not be noted: %s", who().name, did, subject[:80], error)


def did_last(did: str, subject: str) -> str:
    """Who did this to that last, by the notes; empty where they do not say."""
    if _Process.book is None:
        return ""
    try:
        return _Process.book().last(did, subject)
    except RaglassError as error:
        log.error("who %s (%r) could not be looked up: %s", did, subject[:80], error)
        return ""
