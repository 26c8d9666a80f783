"""What a backend may have beyond answering, where its documents are kept here."""

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from backends.local.corpus import LocalCorpus


@runtime_checkable
class HoldsCorpus(Protocol):
    """A backend whose documents can be seen and added to from here."""

    corpus: "LocalCorpus"
