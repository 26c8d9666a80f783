"""Formats of numbers in workbooks and charts (ECMA-376, 18.8.30 and 18.8.31): which digits, signs and units a person sees.

Only formats of fixed decimals and percentages are known here; dates come as such from calamine, and the rest stays as it is stored.
"""

import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from lxml import etree

MOST_DECIMALS = 15
"""Digits that a number of 64 bits has."""

BUILT_IN = {
    1: "0",
    2: "0.00",
    3: "#,##0",
    4: "#,##0.00",
    5: "#,##0",
    6: "#,##0",
    7: "#,##0.00",
    8: "#,##0.00",
    9: "0%",
    10: "0.00%",
    37: "#,##0",
    38: "#,##0",
    39: "#,##0.00",
    40: "#,##0.00",
    41: "#,##0",
    42: "#,##0",
    43: "#,##0.00",
    44: "#,##0.00",
}
"""Formats that a file need not write out, by number; the currency of some depends on the reader's country, and is left out."""

_M = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_PIECE = re.compile(
    r'"(?P<quoted>[^"]{0,100})"|\\(?P<escaped>.)|[_*].|\[\$(?P<currency>[^\]-]{0,20})(?:-[^\]]{0,20})?\]'
    r"|\[(?:black|blue|cyan|green|magenta|red|white|yellow|color ?\d{1,2})\]"
    r"|(?P<digits>[#0?](?:[#0?,]*[#0?])?(?:\.[#0?]*)?|\.[#0?]+)|(?P<sign>[-+()\s%€£$¥])",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"([A-Z]{1,3})(\d{1,7})")


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """How a number is shown."""

    before: str
    """What stands in front of its digits."""
    behind: str
    """What stands behind them."""
    fewest: int
    """Decimals that are always shown."""
    most: int
    """Decimals that a number is rounded to."""
    thousands: bool
    """Whether commas part them."""

    @property
    def is_percent(self) -> bool:
        """Whether a hundred times the number is shown."""
        return "%" in self.before + self.behind

    def shown(self, value: float) -> str:
        """A number as the program shows it where decimals stand behind a point."""
        exact = Decimal(repr(value)) * (100 if self.is_percent else 1)
        rounded = exact.quantize(Decimal(1).scaleb(-self.most), ROUND_HALF_UP)
        digits = f"{abs(rounded):{',' if self.thousands else ''}f}"
        whole, point, decimals = digits.partition(".")
        decimals = decimals[: self.fewest] + decimals[self.fewest :].rstrip("0")
        sign = "-" if rounded < 0 else ""
        return f"{sign}{self.before}{whole}{point if decimals else ''}{decimals}{self.behind}".strip()


def format_of_code(code: str) -> NumberFormat | None:
    """What a format's code says of positive numbers; None of a date, a fraction, a power of ten or what just shows the number."""
    texts, digits, at = ["", ""], "", 0
    while at < len(code) and code[at] != ";":
        piece = _PIECE.match(code, at)
        if piece is None or (piece.group("digits") and digits):
            return None
        digits = digits or piece.group("digits") or ""
        said = next((text for name in ("quoted", "escaped", "currency", "sign") if (text := piece.group(name))), "")
        texts[bool(digits)] += said
        at = piece.end()
    if not digits or len(digits) > 50:
        return None
    whole, _, decimals = digits.partition(".")
    if not decimals and set(digits) <= {"0"} and len(digits) > 1:
        return None
    fewest = min(decimals.count("0"), MOST_DECIMALS)
    return NumberFormat(texts[0], texts[1], fewest, min(len(decimals), MOST_DECIMALS), "," in whole)


def formats_by_style(styles: bytes) -> dict[str, NumberFormat]:
    """The known formats of a workbook, by the number by which its cells name them. styles: its `styles.xml`; may be empty."""
    if not styles:
        return {}
    root = parsed(styles)
    codes = {str(number): code for number, code in BUILT_IN.items()}
    codes |= {each.get("numFmtId", ""): each.get("formatCode", "") for each in root.iter(f"{_M}numFmt")}
    known = {number: found for number, code in codes.items() if (found := format_of_code(code))}
    cells = root.find(f"{_M}cellXfs")
    numbers = [each.get("numFmtId", "0") for each in cells] if cells is not None else []
    return {str(at): known[number] for at, number in enumerate(numbers) if number in known}


def formats_by_row(sheet: bytes, formats: Mapping[str, NumberFormat]) -> Iterator[tuple[int, dict[int, NumberFormat]]]:
    """(row from 1, formats by column from 0) of the rows of a sheet that have known ones, lazily and in order."""
    parser = etree.iterparse(
        io.BytesIO(sheet), tag=f"{_M}row", resolve_entities=False, no_network=True, huge_tree=True, recover=True
    )
    number = 0
    for _, row in parser:
        said = row.get("r", "")
        number = int(said) if said.isdecimal() else number + 1
        found: dict[int, NumberFormat] = {}
        column = -1
        for cell in row.iterchildren(f"{_M}c"):
            address = _ADDRESS.fullmatch(cell.get("r", ""))
            column = column_of(address.group(1)) - 1 if address else column + 1
            if (style := cell.get("s", "0")) in formats and cell.get("t", "n") == "n":
                found[column] = formats[style]
        row.clear()
        while row.getprevious() is not None:
            del row.getparent()[0]
        if found:
            yield number, found


def parsed(content: bytes) -> etree._Element:
    """The tree of a part, as far as it is whole: what is broken in it is for calamine to tell."""
    root = etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True, recover=True))
    return etree.Element("none") if root is None else root


def column_of(letters: str) -> int:
    """The number of column `A` is 1, of `AA` 27."""
    number = 0
    for letter in letters:
        number = 26 * number + ord(letter) - ord("A") + 1
    return number
