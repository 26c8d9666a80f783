"""Tables as CSV that a spreadsheet opens as it should: no text that it would run, none that no CSV holds."""

import csv
import io
from collections.abc import Iterable

MARK = "\ufeff"
"""Stands first in a file for a spreadsheet, which would read UTF-8 as something else without it."""

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""How a text begins that a spreadsheet would run; see https://owasp.org/www-community/attacks/CSV_Injection."""


def inert(value: object) -> object:
    """A value that a spreadsheet does not run: such a text gets an apostrophe in front. NUL and lone surrogates become U+FFFD."""
    if not isinstance(value, str):
        return value
    storable = value.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")
    return f"'{storable}" if storable.startswith(FORMULA) else storable


def csv_line(values: Iterable[object]) -> str:
    """One row (RFC 4180), with its end. None becomes an empty cell."""
    out = io.StringIO()
    csv.writer(out).writerow([inert(value) for value in values])
    return out.getvalue()


def csv_text(heads: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A row of heads, then the rows. Whoever hands it out as a file puts MARK in front."""
    return "".join([csv_line(heads), *map(csv_line, rows)])
