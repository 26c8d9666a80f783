"""Settings one by one: what is known of each, the variable that it is read from, and its value as text."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_args, get_type_hints

from pipeline.errors import ConfigError

PREFIX = "RAGLASS_"
TRUE = ("1", "true", "yes", "on")
FALSE = ("0", "false", "no", "off")
MASK = "********"

WITH_PASSWORD = re.compile(r"://[^/?#\s]*@")
"""An address that names a user, and perhaps a password."""


@dataclass(frozen=True, slots=True)
class About:
    """What is known of a setting beside its type."""

    doc: str
    """One sentence for docs/settings.md and the Status page."""
    low: float | None = None
    """Smallest value."""
    high: float | None = None
    """Largest value."""
    choices: tuple[str, ...] = ()
    """The only values, if not empty."""
    secret: bool = False
    """Whether the value is masked wherever it is shown."""
    backend: str = ""
    """The one backend that reads it; empty for all."""


def known_of(settings: type) -> Iterator[tuple[str, About]]:
    """The name of each field of a dataclass of settings and what is known of it, in order. Raises TypeError for one without."""
    hints = get_type_hints(settings, include_extras=True)
    for entry in fields(settings):
        told = [each for each in get_args(hints[entry.name])[1:] if isinstance(each, About)]
        if not told:
            raise TypeError(f"the setting {entry.name} is not Annotated with what is known About it")
        yield entry.name, told[0]


def value_text(value: object) -> str:
    """A value as one would write it into its variable."""
    return str(int(value)) if isinstance(value, bool) else str(value) or "not set"


def variable(name: str) -> str:
    """The environment variable that a setting is read from."""
    return PREFIX + name.upper()


def parse(source: str, text: str, kind: type, known: About) -> Any:
    """A setting's value from its text. Raises ConfigError, naming the variable."""
    wrong = f"{source} is {MASK if known.secret else repr(text)}; "
    if kind is bool:
        if text.lower() not in TRUE + FALSE:
            raise ConfigError(f"{wrong}write 1 or 0.")
        return text.lower() in TRUE
    if kind is Path:
        try:
            return Path(text).expanduser()
        except RuntimeError:
            raise ConfigError(f"{wrong}there is no such user. Write the whole path.") from None
    if kind in (int, float):
        try:
            number = kind(text)
        except ValueError:
            raise ConfigError(f"{wrong}write a {'whole ' if kind is int else ''}number.") from None
        if (known.low is not None and not number >= known.low) or (known.high is not None and not number <= known.high):
            raise ConfigError(f"{wrong}it must be between {known.low:g} and {known.high:g}.")
        return number
    if not known.secret and WITH_PASSWORD.search(text):
        raise ConfigError(
            f"{source} is an address with a user or a password in it, which would be shown. Leave them out; keys have variables of "
            "their own."
        )
    if known.choices and text not in known.choices:
        raise ConfigError(f"{wrong}choose one of {', '.join(known.choices)}.")
    return text
