"""CSV to paragraphs."""

import pytest

from backends.local.documents import Document
from tests.documents.one import read_document

LIMIT = 10_000_000


def read(name: str, data: bytes | str) -> Document:
    return read_document(name, data.encode() if isinstance(data, str) else data, max_bytes=LIMIT)


def test_every_row_of_a_table_is_a_paragraph() -> None:
    document = read("stars.csv", 'name,mass,note\nSun,1,"near, warm"\nSirius,2,\n')
    assert document.text == "name: Sun; mass: 1; note: near, warm\n\nname: Sirius; mass: 2"
    assert document.title == "stars"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(delimiter: str) -> None:
    rows = [["city", "since, about"], ["Bonn", "1 b.c."], ["Ulm", "854"]]
    data = "\n".join(delimiter.join(f'"{cell}"' for cell in row) for row in rows)
    assert read("a.csv", data).text == "city: Bonn; since, about: 1 b.c.\n\ncity: Ulm; since, about: 854"


def test_excels_delimiter_line_is_obeyed() -> None:
    assert read("a.csv", "sep=;\na;b\n1,5;2\n").text == "a: 1,5; b: 2"


def test_ragged_rows_are_kept_and_a_table_without_header_is_numbered() -> None:
    assert read("a.csv", "name,age\nAnn,3,extra\nBob\n").text == "name: Ann; age: 3; column 3: extra\n\nname: Bob"
    assert read("b.csv", "1,2\n3,4\n").text == "column 1: 1; column 2: 2\n\ncolumn 1: 3; column 2: 4"
    assert read("c.csv", "alone").text == "column 1: alone"


def test_a_cell_far_beyond_the_csv_modules_own_limit_is_read() -> None:
    assert len(read("a.csv", "name,text\nx," + "w" * 200_000).text) > 200_000
