"""Real things made wrong: bytes, and JSON-ready values, changed at random places. The same seed makes the same."""

import copy
from collections.abc import Sequence
from random import Random
from typing import Any

CHANGES = (1, 1, 1, 2, 3, 6)
"""How many changes are made to one thing: with many, nothing of it would be understood any longer."""

PIECES = (
    b"\0", b"\xff\xfe", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\r", b"\n", b'"', b"'", b"\\", b"<", b">", b"&", b"{", b"}", b"[", b"]",
    b"(", b")", b"%", b"-1", b"0", b"1e999", b"NaN", b"9" * 400, b"null", b"=", b",", b"\t", b"../", b"\x1b[2J", b"\xff\xff\xff\x7f",
)  # fmt: skip
"""What is written into bytes: signs that grammars hang on, encodings, numbers beyond their type."""


def deep(levels: int) -> list[Any]:
    """Lists in lists."""
    found: list[Any] = []
    for _ in range(levels):
        found = [found]
    return found


ODD = (
    None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, -(2**63), 10**400, 0.5, -0.0, 1e308, -1e308, float("nan"), float("inf"),
    "", " ", "\0", "\ud800", "\u202e", "0", "-1", "1e999", "nan", "null", "<script>alert(1)</script>", "x" * 20_000, "../../etc/passwd",
    "𝔘nicode\U0010ffff", [], [[]], [None], ["\0"], {}, {"": ""}, {"a": {}}, deep(300), list(range(2_000)),
)  # fmt: skip
"""What takes the place of a value."""


def mutate_bytes(data: bytes, seed: int, others: Sequence[bytes] = ()) -> bytes:
    """The bytes with a few changes. others: of which pieces may be put in."""
    random, changed = Random(seed), bytearray(data)
    for _ in range(random.choice(CHANGES)):
        at = random.randrange(len(changed) + 1)
        until = min(len(changed), at + 2 ** random.randrange(10))
        match random.randrange(7):
            case 0 if at < len(changed):
                changed[at] ^= 1 << random.randrange(8)
            case 1 if at < len(changed):
                changed[at] = random.randrange(256)
            case 2:
                del changed[at:until]
            case 3:
                changed[at:at] = changed[at:until] * random.choice((1, 2, 30))
            case 4:
                changed[at : at + random.choice((0, 1, 4))] = random.choice(PIECES)
            case 5 if others:
                other = random.choice(others)
                begin = random.randrange(len(other) + 1)
                changed[at:until] = other[begin : begin + 2 ** random.randrange(12)]
            case _ if random.random() < 0.2:
                del changed[at:]
    return bytes(changed)


def mutate_value(value: Any, seed: int) -> Any:
    """A JSON-ready value with a few changes in it."""
    random, changed = Random(seed), [copy.deepcopy(value)]
    for _ in range(random.choice(CHANGES)):
        holder, key = _place(changed, random)
        match random.randrange(6):
            case 0 if isinstance(holder, dict):
                del holder[key]
            case 1 if isinstance(holder, dict):
                holder[random.choice(("", "\0", str(key).upper(), f"{key}.{key}", "schema_version"))] = holder[key]
            case 2 if isinstance(holder, list) and holder is not changed:
                holder.extend(holder[: random.randrange(1, 40)])
            case 3:
                there, name = _place(changed, random)
                holder[key] = copy.deepcopy(there[name])
            case 4:
                holder[key] = copy.deepcopy(random.choice(ODD))
            case _:
                holder[key] = copy.deepcopy(random.choice(_alike(holder[key])))
    return changed[0]


def _alike(value: Any) -> Sequence[Any]:
    """What is odd but of the same type, numbers being one: it gets past the first look."""
    kinds = (int, float) if isinstance(value, int | float) and not isinstance(value, bool) else (type(value),)
    return [each for each in ODD if type(each) in kinds]


def _place(top: list[Any], random: Random) -> tuple[Any, Any]:
    """A container somewhere within the first of a list, and a key or number that it has."""
    holder: Any = top
    key: Any = 0
    while isinstance(holder[key], dict | list) and holder[key] and random.random() < 0.95:
        holder = holder[key]
        key = random.choice(list(holder)) if isinstance(holder, dict) else random.randrange(len(holder))
    return holder, key
