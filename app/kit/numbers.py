"""One way to write figures, for page, shell and report: percent, times, changes, counts, money, sizes, and what is missing."""

import re

MISSING = "—"
"""Stands where there is no figure."""

MINUS = "−"


def signed(text: str, value: float) -> str:
    """A figure's text, written of its absolute value, with a real minus, or a plus; nothing before what reads as nothing."""
    nothing = not any(char in "123456789" for char in text)
    return text if nothing else f"{MINUS if value < 0 else '+'}{text}"


def minus(text: str) -> str:
    """A figure's text with a real minus in place of a hyphen."""
    return text.replace("-", MINUS)


def three_figures(value: float) -> str:
    """A number with three significant figures and no exponent: 0.00123, 1.23, 123, 12,300, −0.5."""
    if value == 0:
        return "0"
    rounded = float(f"{value:.3g}")
    decimals = max(0, 2 - int(f"{rounded:e}".split("e")[1]))
    return minus(f"{rounded:,.{decimals}f}")


def fixed(value: float | None, decimals: int = 2) -> str:
    """A number with so many decimals: "0.54", "−0.042", "1,234.5"; "—" for None. Never "−0.00"."""
    if value is None:
        return MISSING
    text = f"{abs(value):,.{decimals}f}"
    return text if value >= 0 or not any(char in "123456789" for char in text) else f"{MINUS}{text}"


def unbroken(text: str) -> str:
    """A text whose figures keep their units on the same line: for what a browser breaks into lines, not for files."""
    return re.sub(r"(?<=\d) (?=%|(?:ms|s|min|KB|MB|GB|UTC)\b)", "\N{NO-BREAK SPACE}", text)


def percent(share: float | None, decimals: int = 0) -> str:
    """A share in [0, 1] in per cent: "71 %", "4.2 %"; "—" for None."""
    return MISSING if share is None else f"{fixed(share * 100, decimals)} %"


def share(part: float, whole: float) -> str:
    """A part of a whole in per cent: "71 %", "less than 1 %"; "0 %" of nothing."""
    if 0 < part < whole / 200:
        return "less than 1 %"
    return percent(part / whole) if whole > 0 else "0 %"


def points(change: float | None, decimals: int = 1) -> str:
    """A change of a share, given in [-1, 1], in percentage points: "+1.2", "−0.4", "0.0"; "—" for None."""
    return change_of(None if change is None else change * 100, decimals)


def change_of(change: float | None, decimals: int = 2) -> str:
    """A change with its sign: "+0.12", "−0.04", "0.00"; "—" for None."""
    return MISSING if change is None else signed(f"{abs(change):,.{decimals}f}", change)


def milliseconds(value_ms: float | None) -> str:
    """A duration with its unit: "12.3 ms", "1.23 s", "2 min 5 s"; "—" for None. Less than a microsecond is rounding and shown as 0."""
    if value_ms is None:
        return MISSING
    if abs(value_ms) < 0.001:
        return "0 ms"
    if abs(value_ms) < 999.5:
        return f"{three_figures(value_ms)} ms"
    seconds = value_ms / 1000
    if abs(seconds) < 59.95:
        return f"{three_figures(seconds)} s"
    minutes, rest = divmod(round(abs(seconds)), 60)
    return f"{MINUS if value_ms < 0 else ''}{minutes} min {rest} s"


def milliseconds_change(change_ms: float | None) -> str:
    """A change of a duration: "+12.3 ms", "−1.23 s"; "—" for None."""
    return MISSING if change_ms is None else signed(milliseconds(abs(change_ms)), change_ms)


def rough_time(seconds: float) -> str:
    """An estimate, no finer than it deserves: "5 s", "20 s", "4 min"."""
    if seconds < 90:
        return f"{round(seconds / 10) * 10} s" if seconds >= 7.5 else "5 s"
    return f"{round(seconds / 60)} min"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun: "1 chunk", "1,200 chunks"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def how_often(number: int) -> str:
    """How many times: "once", "3 times"."""
    return "once" if number == 1 else count(number, "time")


def usd(amount: float | None) -> str:
    """US dollars: "$0.0042", "$1.20", "$1,234"; "—" for None. What is less than a cent keeps two figures."""
    if amount is None:
        return MISSING
    if 0 < abs(amount) < 0.01:
        decimals = 1 - int(f"{amount:e}".split("e")[1])
        return f"{MINUS if amount < 0 else ''}${abs(amount):.{decimals}f}"
    text = f"${abs(amount):,.2f}" if abs(amount) < 10 else f"${abs(amount):,.0f}"
    return f"{MINUS}{text}" if amount < 0 else text


def size(number_bytes: int) -> str:
    """A size: "9,512 bytes", "24 KB", "3.20 MB", in powers of 1,000."""
    for unit, one in (("GB", 1e9), ("MB", 1e6)):
        if number_bytes >= one:
            return f"{three_figures(number_bytes / one)} {unit}"
    return f"{number_bytes / 1e3:.0f} KB" if number_bytes >= 10_000 else count(number_bytes, "byte")
