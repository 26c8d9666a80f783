"""What every format shares: bad files and their messages, names, ids and paths."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.local.documents import SUFFIXES, Document, read_path
from pipeline.errors import InputError
from tests.documents.one import read_document

LIMIT = 10_000_000

KNOWN = [f".txt{suffix}" if suffix == ".gz" else suffix for suffix in SUFFIXES]
"""Ends of names that are read: gzip's is known behind another alone."""


def read(name: str, data: bytes | str) -> Document:
    return read_document(name, data.encode() if isinstance(data, str) else data, max_bytes=LIMIT)


def refusal(name: str, data: bytes | str) -> str:
    """The message with which a file is refused; it always names the file."""
    with pytest.raises(InputError) as caught:
        read(name, data)
    assert name in str(caught.value)
    return str(caught.value)


def test_an_unknown_suffix_is_named_with_what_to_save_it_as() -> None:
    message = refusal("letter.odt", b"PK\x03\x04")
    assert ".odt" in message
    assert "Save its text as .txt, .md or .pdf" in message
    assert {".txt", ".md", ".pdf"} <= set(SUFFIXES)
    assert "no suffix" in refusal("README", "text")


@pytest.mark.parametrize("suffix", KNOWN)
@pytest.mark.parametrize("data", [b"", b" \r\n\t ", b"\xef\xbb\xbf", b"\x00"])
def test_a_file_without_text_is_refused(suffix: str, data: bytes) -> None:
    message = refusal(f"void{suffix}", data)
    assert "empty" in message or "no text" in message or "not a PDF" in message


def test_a_page_that_a_script_would_fill_is_refused() -> None:
    assert "a script probably fills the page" in refusal("app.html", "<div id=root></div><script>start()</script>")


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("a.pdf", b"PK\x03\x04rest of a zip", "a ZIP archive"),
        ("b.pdf", b"<!DOCTYPE html><p>Please log in", "a web page"),
        ("c.pdf", b"just text", "something else"),
        ("d.html", b"%PDF-1.7\n", "a PDF"),
        ("e.txt", b"\x89PNG\r\n\x1a\n....", "a PNG image"),
        ("f.md", b"{\\rtf1 text}", "a Rich Text document"),
        ("g.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document"),
    ],
)
def test_a_file_that_is_not_what_its_suffix_says_is_refused(name: str, data: bytes, kind: str) -> None:
    assert kind in refusal(name, data)


@pytest.mark.parametrize("suffix", [".txt", ".md", ".html", ".csv"])
def test_binary_junk_is_refused(suffix: str) -> None:
    junk = bytes((i * 7919 + i // 251) % 256 for i in range(5_000))
    assert "binary" in refusal(f"junk{suffix}", b"x" + junk)
    assert "binary" in refusal(f"odd{suffix}", b"\xff\xfe" + bytes([0, 0xD8]) * 500)


@pytest.mark.parametrize("suffix", KNOWN)
def test_a_file_over_the_limit_names_the_limit_and_its_setting(suffix: str) -> None:
    with pytest.raises(InputError, match=r"big\..* has 100\.0 MB; files up to 50\.0 MB .*RAGLASS_MAX_FILE_MB"):
        read_document(f"big{suffix}", bytes(100_000_000), max_bytes=50_000_000)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", KNOWN)
def test_no_bytes_make_reading_raise_anything_but_an_input_error(suffix: str) -> None:
    leading = {
        ".pdf": [b"%PDF-1.7\n", b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog"],
        ".html": [b"<p>", b"<!--", b"<![CDATA["],
    }
    starts = st.sampled_from([b"", b"\xff\xfe", b"---\ntitle: x\n", *leading.get(suffix, [])])

    @settings(max_examples=60, deadline=None)
    @given(starts, st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda t: t.encode("utf-8"))))
    def holds(start: bytes, rest: bytes) -> None:
        try:
            document = read_document(f"any{suffix}", start + rest, max_bytes=LIMIT)
        except InputError:
            return
        assert document.text == document.text.lstrip("\n").rstrip() != ""  # Code may begin with a space.
        assert document.title.strip()
        document.text.encode()

    holds()


def test_the_same_file_has_the_same_id_and_a_changed_one_another() -> None:
    first, again, changed = read("Über uns.txt", "A."), read("Über uns.txt", "A."), read("Über uns.txt", "B.")
    assert first == again
    assert first.document_id.startswith("uber-uns-")
    assert changed.document_id != first.document_id
    assert changed.source == first.source


@pytest.mark.parametrize("name", ["../../etc/a.txt", "C:\\files\\a.txt", "/a.txt"])
def test_folders_in_an_uploaded_name_are_dropped(name: str) -> None:
    with_folder = read_document(name, b"Text.", max_bytes=LIMIT)
    assert (with_folder.source, with_folder.title) == ("a.txt", "a")


def test_a_name_without_latin_letters_still_gives_a_readable_id() -> None:
    document = read("\u6587\u66f8.txt", "Text.")
    assert document.title == "\u6587\u66f8"
    assert document.document_id.startswith("document-")


def test_a_file_read_by_path_has_that_path_as_its_source(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "readme.md").write_text("Same text.")
    first, second = (read_path(tmp_path / folder / "readme.md", max_bytes=LIMIT)[0] for folder in ("a", "b"))
    assert first.source == str((tmp_path / "a" / "readme.md").resolve())
    assert first.document_id != second.document_id


def test_an_undecodable_file_name_is_kept_as_numbers(tmp_path: Path) -> None:
    path = tmp_path / "caf\udce9.txt"
    path.write_text("Text.")
    (document,) = read_path(path, max_bytes=LIMIT)
    assert document.title == "caf&#56553;"
    document.source.encode()


def test_a_missing_path_and_a_folder_and_a_large_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.txt cannot be read: No such file"):
        read_path(tmp_path / "none.txt", max_bytes=LIMIT)
    (tmp_path / "folder.txt").mkdir()
    with pytest.raises(InputError, match=r"folder\.txt cannot be read"):
        read_path(tmp_path / "folder.txt", max_bytes=LIMIT)
    with (tmp_path / "sparse.txt").open("wb") as file:
        file.truncate(10**11)
    with pytest.raises(InputError, match=r"sparse\.txt has 100,000\.0 MB"):
        read_path(tmp_path / "sparse.txt", max_bytes=LIMIT)
