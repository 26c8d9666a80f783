"""Which encoding bytes are in."""

import pytest

from backends.local.documents.encoding import codec_of
from backends.local.documents.text import decode

# A sentence in each of the scripts that are told apart, long enough to be sure of.
SENTENCES = {
    "cp1250": "Dyrektorem szkoły jest Łucja Śliwińska. Zażółć gęślą jaźń, gdyż życie jest piękne każdego dnia.",
    "cp1251": "Директор школы приехал вчера вечером и сразу пошёл домой, где его давно ждали.",
    "koi8_r": "Директор школы приехал вчера вечером и сразу пошёл домой, где его давно ждали.",
    "cp932": "東京は日本の首都であり、世界最大の都市の一つです。人口は約千四百万人です。",
    "gb18030": "北京是中华人民共和国的首都，是全国的政治中心、文化中心。",
    "cp1253": "Η Αθήνα είναι η πρωτεύουσα της Ελλάδας και η μεγαλύτερη πόλη της χώρας.",
    "cp1252": "Les élèves sont arrivés à l'école où ils ont été accueillis par “Zoë”.",
}


@pytest.mark.parametrize("codec", SENTENCES)
def test_an_undeclared_encoding_is_guessed_and_said(codec: str) -> None:
    text, doubt = decode(SENTENCES[codec].encode(codec))
    assert text == SENTENCES[codec]
    assert "not valid UTF-8 and was read as" in doubt


def test_a_few_letters_are_taken_for_windows_1252() -> None:
    assert decode("Caf\xe9 Zo\xeb".encode("cp1252"))[0] == "Café Zoë"


def test_damaged_utf_8_is_utf_8_with_a_doubt() -> None:
    text, doubt = decode("Grüße aus Köln, schöne Größe, süße Äpfel, Übermut, Öl, äöü".encode() + b"\xff")
    assert text.startswith("Grüße aus Köln")
    assert "1 of its characters are broken" in doubt


def test_an_encoding_of_escapes_is_read_as_declared() -> None:
    assert decode("東京".encode("iso2022_jp"), "iso2022_jp") == ("東京", "")


@pytest.mark.parametrize(
    ("label", "codec"),
    [
        ("latin1", "cp1252"),
        ("ISO-8859-2", "iso8859-2"),
        ("x-sjis", "cp932"),
        ("gb2312", "gb18030"),
        ("us-ascii", "cp1252"),
    ],
)
def test_labels_mean_what_they_mean_on_the_web(label: str, codec: str) -> None:
    assert codec_of(label) == codec


@pytest.mark.parametrize("label", ["utf-8", "utf-7", "base64", "rot13", "unicode_escape", "../etc", "nonsense", ""])
def test_a_label_that_no_text_can_be_in_is_none(label: str) -> None:
    assert codec_of(label) is None
