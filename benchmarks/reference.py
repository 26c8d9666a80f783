"""The package of ContextCite's authors, which Raglass's own is measured beside. `make oracles` installs it."""

from types import ModuleType
from unittest import mock


def open_context_cite() -> ModuleType:
    """The package, without the list of sentence ends that it would fetch from the network while it is imported; nothing here uses that.

    Raises ImportError where it is not installed.
    """
    import nltk

    with mock.patch.object(nltk, "download"):
        import context_cite
    return context_cite
