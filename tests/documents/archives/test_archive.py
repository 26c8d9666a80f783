"""ZIP archives and gzip files to the documents in them."""

import gzip
import io
import zipfile
from collections.abc import Callable

import pytest

from backends.local.documents import read_documents
from backends.local.documents.unpacking import MOST_MEMBERS
from pipeline.errors import InputError
from tests.documents.office_files import zipped


def read(data: bytes, name: str = "a.zip") -> list[tuple[str, str]]:
    """Sources and texts of the documents."""
    return [(document.source, document.text) for document in read_documents(name, data, max_bytes=100_000_000)]


def doubts(data: bytes) -> list[str]:
    return [doubt for document in read_documents("a.zip", data, max_bytes=100_000_000) for doubt in document.doubts]


def test_files_are_documents_with_their_paths_and_what_systems_leave_is_passed_over() -> None:
    files = {
        "docs/a.md": "# Title\n\nHello.",
        "b.txt": "Bye.",
        "__MACOSX/docs/._a.md": "x",
        ".git/c.txt": "x",
        "docs/": "",
    }
    found = read_documents("a.zip", zipped(files), max_bytes=10_000)
    assert [(document.source, document.title, document.text, document.doubts) for document in found] == [
        ("a.zip!/docs/a.md", "Title", "Hello.", ()),
        ("a.zip!/b.txt", "b", "Bye.", ()),
    ]


def test_files_that_are_not_read_are_told_together_and_broken_ones_each() -> None:
    files = {
        "a.txt": "Hello.",
        "1.jpg": "x",
        "2.jpg": "x",
        "3.jpg": "x",
        "4.jpg": "x",
        "bad.pdf": "no PDF",
        "void.txt": " ",
        "b.txt": "B.",
    }
    assert doubts(zipped(files)) == [
        "1.jpg, 2.jpg, 3.jpg and 1 more in a.zip were not read: their kinds are not known. Save what is needed as text, and add that.",
        "In a.zip: bad.pdf is not a PDF but something else. Add the PDF itself, or give the file its right suffix.",
        "In a.zip: void.txt is empty. Check that it was saved or copied completely, and add it again.",
    ]


def test_an_archive_without_anything_to_read_is_refused_with_names() -> None:
    with pytest.raises(InputError, match=r"a\.zip holds nothing that can be read\. x\.jpg in a\.zip was not read"):
        read(zipped({"x.jpg": "x"}))
    with pytest.raises(InputError, match=r"holds nothing that can be read\. In a\.zip: bad\.pdf is not a PDF"):
        read(zipped({"bad.pdf": "x"}))
    with pytest.raises(InputError, match="is no ZIP archive but a web page"):
        read(b"<html>Please log in")


def test_archives_in_one_another_are_read_to_the_third() -> None:
    inner = b""
    for number in (4, 3, 2, 1):
        inner = zipped({"t.txt": f"level {number}", **({"in.zip": inner} if inner else {})})
    assert read(inner) == [
        ("a.zip!/t.txt", "level 1"),
        ("a.zip!/in.zip!/t.txt", "level 2"),
        ("a.zip!/in.zip!/in.zip!/t.txt", "level 3"),
    ]
    assert doubts(inner) == ["In in.zip: in.zip lies in 3 others. Unpack it, and add what is in it."]


def test_a_path_that_leads_out_of_the_archive_is_only_a_name() -> None:
    assert read(zipped({"../../etc/a.txt": "Text."})) == [("a.zip!/../../etc/a.txt", "Text.")]


def test_two_files_of_one_path_are_two_documents() -> None:
    with zipfile.ZipFile(target := io.BytesIO(), "w") as archive:
        archive.writestr("a.txt", "One.")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a.txt", "Two.")
    assert read(target.getvalue()) == [("a.zip!/a.txt", "One."), ("a.zip!/a (2).txt", "Two.")]


def test_a_file_that_a_password_protects_is_told() -> None:
    data = bytearray(zipped({"b.txt": "Open.", "a.txt": "Secret."}))
    entry = data.rindex(b"PK\x01\x02")
    data[entry + 8] |= 1  # Bit 0 of the flags in the list of files (APPNOTE 6.3.10, 4.3.12).
    assert doubts(bytes(data)) == ["a.txt in a.zip was not read: a password protects it. Unpack it, and add the file."]


@pytest.mark.slow
def test_a_member_that_unpacks_to_far_too_much_is_told_and_the_others_read() -> None:
    data = zipped({"bomb.txt": bytes(60_000_000), "a.txt": "Hello."})
    assert read(data) == [("a.zip!/a.txt", "Hello.")]
    assert doubts(data) == [
        "bomb.txt in a.zip was not read: it unpacks to more than 500 times its size. Unpack it, and add what is needed of it."
    ]


def test_a_member_whose_size_is_a_lie_is_told_and_the_others_read() -> None:
    data = bytearray(zipped({"lie.txt": "word " * 1_000, "a.txt": "Hello."}))
    entry = data.index(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = (7).to_bytes(4, "little")  # Its unpacked size (4.3.12).
    assert read(bytes(data)) == [("a.zip!/a.txt", "Hello.")]
    assert doubts(bytes(data)) == [
        "lie.txt in a.zip was not read: it is broken or packed in an unknown way. Unpack it, and add the file."
    ]


@pytest.mark.slow
def test_more_files_than_are_read_from_one_archive_are_counted() -> None:
    data = zipped({f"{number}.txt": "x" for number in range(MOST_MEMBERS + 2)})
    assert len(read(data)) == MOST_MEMBERS
    assert doubts(data) == ["2 files in a.zip were not read: it is too large. Split it."]


def test_the_name_within_a_gzip_files_name_says_what_it_holds() -> None:
    (document,) = read_documents("notes.md.gz", gzip.compress(b"Some *text*."), max_bytes=1_000)
    assert (document.title, document.text, document.source) == ("notes", "Some text.", "notes.md.gz")
    assert read(gzip.compress(b"a,b\n1,2\n"), "t.CSV.GZ") == [("t.CSV.GZ", "a: 1; b: 2")]
    assert read(zipped({"n.txt.gz": gzip.compress(b"Deep.")})) == [("a.zip!/n.txt.gz", "Deep.")]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.tar.gz", gzip.compress(b"x"), r"has the suffix \.tar\.gz, which Raglass does not read"),
        ("a.gz", gzip.compress(b"x"), r"has the suffix \.gz, which"),
        ("a.txt.gz.gz", gzip.compress(b"x"), r"has the suffix \.gz\.gz, which"),
        ("a.txt.gz", b"\x1f\x8b\x08 and no more", "is broken: it cannot be read as gzip"),
        ("a.txt.gz", gzip.compress(b" "), r"a\.txt is empty"),
        ("a.txt.gz", lambda: gzip.compress(bytes(60_000_000)), "unpacks to more than 500 times its size"),
    ],
    ids=["tar", "no inner suffix", "twice", "cut", "empty", "bomb"],
)
def test_a_gzip_file_that_cannot_be_read_says_why(name: str, data: bytes | Callable[[], bytes], said: str) -> None:
    with pytest.raises(InputError, match=said):
        read(data() if callable(data) else data, name)
