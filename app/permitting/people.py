"""`People`: addresses of people and domains, as a setting lists them."""

import re
import string

from pipeline.errors import ConfigError

ENTRY = re.compile(r"\*|@[a-z0-9-]+(\.[a-z0-9-]+)*|[^@\s,*]+@[a-z0-9-]+(\.[a-z0-9-]+)*")
"""Everybody, a domain, or somebody."""


_SMALL = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


class People:
    """Some people."""

    def __init__(self, variable: str, text: str) -> None:
        """variable: what lists them. text: entries with commas between. Raises ConfigError for what is no entry."""
        self._entries = {in_small_letters(entry.strip()) for entry in text.split(",") if entry.strip()}
        for entry in sorted(self._entries):
            if ENTRY.fullmatch(entry) is None:
                raise ConfigError(
                    f"{variable} has the entry {entry[:80]!r}. Write addresses (ada@example.com) and whole domains (@example.com) with "
                    "commas between, or * for everybody who can sign in."
                )

    def __bool__(self) -> bool:
        return bool(self._entries)

    def __contains__(self, address: str) -> bool:
        """Whether an address, in small letters, is among them. A domain does not stand for those below it."""
        return not self._entries.isdisjoint((address, address[address.rfind("@") :], "*"))


def in_small_letters(address: str) -> str:
    """An address as it is compared. ASCII's letters alone: others fold into them (ß into ss), and so one address into another."""
    return address.translate(_SMALL)
