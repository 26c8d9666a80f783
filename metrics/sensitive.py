"""What must not be kept: built-in patterns by name, and patterns from a file. Each finds; `metrics.masking` replaces.

The built-in ones take time in proportion to the text, whatever it is. Others run against the clock.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import ConfigError

Found = tuple[int, int]
"""Where in a text something stands: its first character, and one past its last."""

MAX_PATTERNS = 100
"""Patterns that a file may hold: each is looked for in every text."""

MAX_PATTERN_CHARS = 1_000
"""Characters of a pattern."""

TIME_S = 0.05
"""Seconds that a pattern of a file may take in a text, and as long again for each TIME_CHARS of it."""

TIME_CHARS = 50_000
"""See TIME_S."""


class TooSlow(Exception):
    """A pattern took longer than it may."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """Something to look for."""

    name: str
    """What stands in its place, in brackets."""
    find: Callable[[str], Iterator[Found]]
    """Where it stands in a text, from left to right, without overlaps. Raises TooSlow."""


def _finding(expression: str, sure: Callable[[str], bool] = lambda _: True, hint: str = "") -> Callable[[str], Any]:
    """A finder. hint: a character without which a text need not be looked at. sure: whether what was found is what it looks like."""
    compiled = re.compile(expression)

    def find(text: str) -> Iterator[Found]:
        if hint in text:
            yield from (match.span() for match in compiled.finditer(text) if sure(match.group()))

    return find


def _finding_numbers(expression: str, sure: Callable[[str], bool]) -> Callable[[str], Any]:
    """A finder of numbers in groups: what follows a number may look like one more group of it, so shorter ones are tried, too."""
    compiled = re.compile(expression)

    def find(text: str) -> Iterator[Found]:
        place = 0
        while match := compiled.search(text, place):
            start, end = match.span()
            gaps = [at for at in range(start, end) if text[at] in " -"]
            last = next((at for at in (end, *reversed(gaps)) if sure(text[start:at])), None)
            place = last or (gaps[0] + 1 if gaps else end)
            if last:
                yield start, last

    return find


def is_card(text: str) -> bool:
    """Whether digits are a payment card's number: of 13 to 19 digits, begun as such numbers are, with the check digit of ISO/IEC 7812-1."""
    digits = [int(each) for each in text if each.isdigit()]
    if not 13 <= len(digits) <= 19 or digits[0] not in (2, 3, 4, 5, 6) or len(set(digits)) == 1:
        return False
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def is_iban(text: str) -> bool:
    """Whether a text is an account's number with the check digits of ISO 13616 (ISO 7064, modulo 97)."""
    packed = text.replace(" ", "").upper()
    if not 15 <= len(packed) <= 34:
        return False
    return int("".join(str(int(each, 36)) for each in packed[4:] + packed[:4])) % 97 == 1


def is_ipv4(text: str) -> bool:
    """Whether a text is an address, and none that is every machine's own."""
    parts = [int(part) for part in text.split(".")]
    return all(part <= 255 for part in parts) and parts[0] not in (0, 127)


def is_phone(text: str) -> bool:
    """Whether a text has as many digits as a telephone number (ITU-T E.164): up to 15, and not as few as a year or a price."""
    return 8 <= sum(each.isdigit() for each in text) <= 15


BUILT_IN: dict[str, Callable[[str], Any]] = {
    "secret": _finding(
        r"(?<![A-Za-z0-9_-])(?:"
        r"sk-[A-Za-z0-9_-]{16,200}|(?:ghp|gho|ghs|ghu|github_pat)_[A-Za-z0-9_]{20,255}|glpat-[A-Za-z0-9_-]{20,60}"
        r"|xox[abeoprs]-[A-Za-z0-9-]{10,250}|(?:AKIA|ASIA)[A-Z0-9]{16}|AIza[A-Za-z0-9_-]{35}|rg_[A-Za-z0-9_-]{20,100}"
        r"|hf_[A-Za-z0-9]{20,100}|eyJ[A-Za-z0-9_-]{10,4000}\.eyJ[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{10,1000}"
        r"|(?<=Bearer )[A-Za-z0-9._~+/=-]{16,4000}"
        r"|-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[A-Za-z0-9+/=\s\\]{0,8000}(?:-----END [A-Z ]{0,30}PRIVATE KEY-----)?"
        r")"
    ),
    "email": _finding(r"(?<![\w.+%-])[\w.+%-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,63}(?![\w-])", hint="@"),
    "iban": _finding_numbers(r"(?<!\w)[A-Za-z]{2}\d{2}(?: ?[A-Za-z0-9]){11,30}(?!\w)", is_iban),
    "card": _finding_numbers(r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w-]|\.\d)", is_card),
    "ipv4": _finding(r"(?<![\w.-])\d{1,3}(?:\.\d{1,3}){3}(?![\w-]|\.\d)", is_ipv4, "."),
    "phone": _finding(
        r"(?<![\w.+/:-])(?:\+\d{1,3}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d{1,4}(?:[ .-]?\d{1,4}){1,5}"
        r"|\(0?\d{2,4}\)[ .-]?\d{2,4}(?:[ .-]?\d{2,4}){1,3}|\d{3}[ .-]\d{3}[ .-]\d{4}"
        r"|0\d{2,4}[ /-]\d{3,8}(?:[ -]\d{2,4}){0,3})(?![\w-]|\.\d)",
        is_phone,
    ),
}
"""Finders by name, in the order in which they are asked: what one has found is not looked at by the next."""


def built_in(names: Sequence[str]) -> list[Pattern]:
    """Patterns by their names, in the order of BUILT_IN. Raises ConfigError for one that there is not."""
    for name in names:
        if name not in BUILT_IN:
            raise ConfigError(
                f"RAGLASS_MASK names {name[:60]!r}; choose of {', '.join(BUILT_IN)}, with commas between."
            )
    return [Pattern(name, find) for name, find in BUILT_IN.items() if name in names]


def read_patterns(path: Path) -> list[Pattern]:
    """The patterns of a file: `name: regular expression` a line, or `# a remark`. Raises ConfigError, naming the line."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text in UTF-8"
        raise ConfigError(f"RAGLASS_MASK_PATTERNS is {str(path)!r}, which cannot be read: {why}.") from None
    given = [(number, line.strip()) for number, line in enumerate(lines, 1)]
    found = [_read_line(path, number, line) for number, line in given if line and not line.startswith("#")]
    if len(found) > MAX_PATTERNS:
        raise ConfigError(
            f"{path} holds {len(found)} patterns; at most {MAX_PATTERNS} are looked for. Join some with `|`."
        )
    return found


def _read_line(path: Path, number: int, line: str) -> Pattern:
    name, colon, expression = (part.strip() for part in line.partition(":"))
    where = f"RAGLASS_MASK_PATTERNS, {path}, line {number}"
    if not colon or not re.fullmatch(r"[a-z][a-z0-9_ -]{0,29}", name):
        raise ConfigError(f"{where}: write `name: regular expression`, the name in small letters.")
    if name in BUILT_IN or name == "withheld":
        raise ConfigError(f"{where}: the name {name!r} is taken. Choose another.")
    if len(expression) > MAX_PATTERN_CHARS:
        raise ConfigError(
            f"{where}: the expression has {len(expression):,} characters; at most {MAX_PATTERN_CHARS:,} are read."
        )
    return Pattern(name, _finding_in_time(where, expression))


def _finding_in_time(where: str, expression: str) -> Callable[[str], Iterator[Found]]:
    """A finder for an expression that someone else wrote. Python's own `re` cannot be interrupted, `regex` can."""
    try:
        import regex  # type: ignore[import-untyped]
    except ImportError as error:
        raise ConfigError("RAGLASS_MASK_PATTERNS needs the package regex. Install it: pip install regex.") from error
    try:
        compiled = regex.compile(expression)
    except (regex.error, OverflowError, RecursionError) as error:
        raise ConfigError(f"{where}: no regular expression ({str(error)[:100]}).") from None
    if compiled.fullmatch("") is not None:
        raise ConfigError(
            f"{where}: the expression matches an empty text, and so would be everywhere. Write one that does not."
        )

    def find(text: str) -> Iterator[Found]:
        try:
            for match in compiled.finditer(text, timeout=TIME_S * (1 + len(text) / TIME_CHARS)):
                if match.end() > match.start():
                    yield match.span()
        except TimeoutError:
            raise TooSlow from None

    return find
