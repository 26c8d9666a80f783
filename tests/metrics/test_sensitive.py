"""Patterns: what they find, what they leave, and that no text and no expression holds them up."""

from pathlib import Path

import pytest

from metrics.sensitive import BUILT_IN, TooSlow, built_in, is_card, is_iban, read_patterns
from pipeline.errors import ConfigError

FOUND = {
    "email": ["anna@example.org", "Anna.B+news@mail.example.co.uk", "müller@example.de"],
    # Numbers that the card schemes publish for tests.
    "card": ["4111 1111 1111 1111", "4111111111111111", "5500-0000-0000-0004", "378282246310005", "6011000990139424"],
    # The examples of the IBAN registry.
    "iban": [
        "DE89 3704 0044 0532 0130 00",
        "GB29NWBK60161331926819",
        "NO9386011117947",
        "MT84MALT011000012345MTLCAST001S",
    ],
    "ipv4": ["192.168.1.20", "8.8.8.8", "255.255.255.255"],
    "phone": ["+49 30 123456", "+1 (212) 555-0143", "+442079460958", "030/1234567", "212-555-0143", "(030) 1234 567"],
    "secret": [
        "sk-proj-abcdefghijklmnop1234",
        "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        "AKIAIOSFODNN7EXAMPLE",
        "xoxb-123456789012-abcdefghijkl",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----",
    ],
}

LEFT = {
    "email": ["@anna", "anna@localhost", "a @ b.org", "anna@@example", "décor@3 items"],
    "card": [
        "4111 1111 1111 1112",
        "0000000000000000",
        "1757000000000",
        "12345678901234567890123",
        "1.4111111111111111",
    ],
    "iban": ["DE88 3704 0044 0532 0130 00", "AB12", "an id AB12CDEFGHIJKLMNOP"],
    "ipv4": ["1.2.3", "256.1.1.1", "127.0.0.1", "0.0.0.0", "version 1.2.3.4.5", "v1.2.3.4"],
    "phone": [
        "2025-09-04",
        "12345678",
        "1757000000.123",
        "550e8400-e29b-41d4-a716-446655440000",
        "in 1912 and 1968",
        "3.14159265358979",
    ],
    "secret": ["sk-short", "task-abcdefghijklmnopqrstuvwxyz", "Bearer of bad news", "eyJhbGciOiJIUzI1NiJ9"],
}


def find(name: str, text: str) -> list[str]:
    return [text[start:end] for start, end in BUILT_IN[name](text)]


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in FOUND.items() for text in texts])
@pytest.mark.parametrize("around", ["{}", "Call {} now.", "({})", "a: {}, b", '"{}"', "x\n{}\ny"])
def test_what_must_not_be_kept_is_found_whole(name: str, text: str, around: str) -> None:
    assert find(name, around.format(text)) == [text]


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in LEFT.items() for text in texts])
def test_what_only_looks_like_it_is_left(name: str, text: str) -> None:
    assert find(name, text) == []


def test_every_pattern_has_examples_of_both_kinds() -> None:
    assert set(FOUND) == set(LEFT) == set(BUILT_IN)


def test_several_in_one_text_are_all_found() -> None:
    assert find("email", "a@example.org,b@example.org;c@example.org") == [
        "a@example.org",
        "b@example.org",
        "c@example.org",
    ]
    assert find("card", "4111 1111 1111 1111 123 and 5500000000000004") == ["4111 1111 1111 1111", "5500000000000004"]
    assert find("iban", "DE89 3704 0044 0532 0130 00 is mine GB29NWBK60161331926819") == [
        "DE89 3704 0044 0532 0130 00",
        "GB29NWBK60161331926819",
    ]


def test_check_digits_are_checked() -> None:
    assert [digit for digit in range(10) if is_card(f"411111111111111{digit}")] == [1]
    assert [number for number in range(100) if is_iban(f"DE{number:02}370400440532013000")] == [89]


@pytest.mark.slow
@pytest.mark.parametrize("name", list(BUILT_IN))
@pytest.mark.parametrize(
    "bit",
    ["a", "1", "1 ", "a@", "a.", "1.1.", "AB12 ", "(0", "+1 ", "sk-", "eyJ", "Bearer ", "-----BEGIN ", "123 123 1234 "],
)
def test_hostile_text_is_looked_through_to_its_end(name: str, bit: str) -> None:
    text = bit * (100_000 // len(bit)) + "!"  # hours for a pattern that goes back over it again and again
    found = list(BUILT_IN[name](text))
    assert all(0 <= start < end <= len(text) for start, end in found)
    assert found == sorted(found)


def test_names_are_taken_in_a_fixed_order_and_unknown_ones_refused() -> None:
    assert [pattern.name for pattern in built_in(["phone", "email"])] == ["email", "phone"]
    with pytest.raises(ConfigError, match="'emial'; choose of secret, email"):
        built_in(["emial"])


def test_patterns_are_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "patterns.txt"
    file.write_text("# ours\ncustomer: C-\\d{6}\n\nplate number: [A-Z]{1,3}-[A-Z]{2} \\d{1,4}  \n", "utf-8")
    found = read_patterns(file)
    assert [pattern.name for pattern in found] == ["customer", "plate number"]
    assert list(found[0].find("C-123456 and C-654321")) == [(0, 8), (13, 21)]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("no colon here", "line 1: write `name"),
        ("Name: x", "in small letters"),
        ("email: x", "is taken"),
        ("withheld: x", "is taken"),
        ("broken: (", "no regular expression"),
        ("empty: a*", "matches an empty text"),
        (f"long: {'x' * 1001}", "1,001 characters"),
    ],
)
def test_a_line_that_is_no_pattern_is_named(tmp_path: Path, line: str, why: str) -> None:
    file = tmp_path / "patterns.txt"
    file.write_text(line, "utf-8")
    with pytest.raises(ConfigError, match=why):
        read_patterns(file)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="which cannot be read: No such file"):
        read_patterns(tmp_path / "none.txt")
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="no text in UTF-8"):
        read_patterns(tmp_path / "binary.txt")


@pytest.mark.parametrize("expression", ["(a+)+$", "(a|aa)+b"])
def test_an_expression_that_would_take_for_ever_is_stopped(tmp_path: Path, expression: str) -> None:
    file = tmp_path / "patterns.txt"
    file.write_text(f"bad: {expression}|zz", "utf-8")
    [pattern] = read_patterns(file)
    with pytest.raises(TooSlow):
        list(pattern.find("x" + "a" * 5_000 + "!"))
