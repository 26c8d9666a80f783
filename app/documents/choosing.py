"""The kind of index that was chosen in the Lab, given up again."""

from typing import TYPE_CHECKING

from app.permitting.acting import record, require
from app.permitting.roles import Role
from backends.local.index_choice import forget_choice

if TYPE_CHECKING:
    from backends.local.corpus import LocalCorpus


def choose_automatically(corpus: "LocalCorpus") -> bool:
    """Let the next builds choose by themselves again; whether anything had been chosen. Takes an admin. Raises NotPermitted."""
    require(Role.ADMIN)
    gone = forget_choice(corpus.index.root)
    record("let the index be chosen automatically")
    return gone
