"""CSV and its kin to records."""

import pytest

from backends.local.documents import Document, Place
from tests.documents.one import read_document


def read(name: str, data: bytes | str) -> Document:
    return read_document(name, data.encode() if isinstance(data, str) else data)


def lines(text: str) -> list[str]:
    """What a table in a text file says, a paragraph a line."""
    return read("a.csv", text).text.replace("\n\n", "\n").split("\n")


def test_every_row_of_a_table_is_a_paragraph() -> None:
    document = read("stars.csv", 'name,mass,note\nSun,1,"near, warm"\nSirius,2,\n')
    assert document.text == "name: Sun; mass: 1; note: near, warm\n\nname: Sirius; mass: 2"
    assert document.title == "stars"
    assert [(part.kind, part.place) for part in document.parts] == [
        ("record", Place("row", 2)),
        ("record", Place("row", 3)),
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(delimiter: str) -> None:
    rows = [["city", "since, about"], ["Bonn", "1 b.c."], ["Ulm", "854"]]
    data = "\n".join(delimiter.join(f'"{cell}"' for cell in row) for row in rows)
    assert lines(data) == ["city: Bonn; since, about: 1 b.c.", "city: Ulm; since, about: 854"]


def test_excels_delimiter_line_is_obeyed() -> None:
    assert lines("sep=;\na;b\n1,5;2\n") == ["a: 1,5; b: 2"]


@pytest.mark.parametrize("header", ["Ort;Preis\n", ""])
def test_decimal_commas_separate_nothing(header: str) -> None:
    names = ("Ort", "Preis") if header else ("column 1", "column 2")
    assert lines(header + "Linz;1,50\nGraz;2,30\n")[0] == f"{names[0]}: Linz; {names[1]}: 1,50"


def test_bars_within_the_cells_of_a_table_separate_nothing() -> None:
    assert (
        lines("title,genres,year\nA,Action|Drama,1990\nB,Comedy|Drama,1991\n")[0]
        == "title: A; genres: Action|Drama; year: 1990"
    )


def test_lines_of_sentences_are_no_table() -> None:
    text = "It was late, and cold.\nNobody came, so we left.\nThe end, then, was near, they said."
    assert lines(text) == text.split("\n")


def test_ragged_rows_are_kept_and_told() -> None:
    document = read("a.csv", "name,age\nAnn,3,extra\nBob\nCy,4\n")
    assert document.text == "name: Ann; age: 3; column 3: extra\n\nname: Bob\n\nname: Cy; age: 4"
    assert document.doubts == (
        "2 rows, row 2 first, have more or fewer cells than there are columns: put quotes around cells that hold the separator, "
        "and add what is missing.",
    )


@pytest.mark.parametrize(
    ("table", "first"),
    [
        ("1,2\n3,4\n", "column 1: 1; column 2: 2"),
        ("Ostrava,410\nTromso,275\n", "column 1: Ostrava; column 2: 410"),
        ("Ann,yes,no\nBob,yes,yes\nCy,no,no\n", "column 1: Ann; column 2: yes; column 3: no"),
        ("ann@example.org,Ann\nbob@example.org,Bob\n", "column 1: ann@example.org; column 2: Ann"),
        ("Mozart,1756,1791\nBach,1685,1750\n", "column 1: Mozart; column 2: 1756; column 3: 1791"),
        ("a,b,c\n", "column 1: a; column 2: b; column 3: c"),
    ],
)
def test_columns_of_a_table_without_header_are_numbered(table: str, first: str) -> None:
    assert lines(table)[0] == first


@pytest.mark.parametrize(
    ("table", "first"),
    [
        ("Country,2019,2020,2021\nNorland,410,395,402\n", "Country: Norland; 2019: 410; 2020: 395; 2021: 402"),
        ("Country,2021\nNorland,410\nSouthmark,120\n", "Country: Norland; 2021: 410"),
        ("day,0,1,2,3\nMon,5,6,9,1\nTue,4,1,2,9\n", "day: Mon; 0: 5; 1: 6; 2: 9; 3: 1"),
        ("Country,2020-01,2020-02\nNorland,410,1\n", "Country: Norland; 2020-01: 410; 2020-02: 1"),
        ("when,Did you like it?\n2024-01-01,yes\n2024-01-02,no\n", "when: 2024-01-01; Did you like it?: yes"),
    ],
)
def test_years_hours_and_questions_may_be_names_of_columns(table: str, first: str) -> None:
    assert lines(table)[0] == first


@pytest.mark.parametrize(
    ("header", "row", "said"),
    [
        ("station,lines,opened,", "Kestrel Road,3,1911,", "station: Kestrel Road; lines: 3; opened: 1911"),
        (",plant,manager", "0,Ostrava,Hana", "plant: Ostrava; manager: Hana"),
        (",plant,manager", "1,Ostrava,Hana", "plant: Ostrava; manager: Hana"),
        ("Unnamed: 0,plant", "0,Ostrava", "plant: Ostrava"),
        (",2019,2020", "Norland,410,395", "row: Norland; 2019: 410; 2020: 395"),
        ("name,price,price,,note", "A,1,2,x,y", "name: A; price: 1; price (2): 2; column 4: x; note: y"),
    ],
)
def test_columns_without_a_name_of_their_own_get_one_unless_they_only_count(header: str, row: str, said: str) -> None:
    assert lines(f"{header}\n{row}\n") == [said]


@pytest.mark.parametrize(
    ("above", "said", "row"),
    [
        ("Sales report\nReport generated 2024-03-01\n\n", ["Sales report", "Report generated 2024-03-01"], 5),
        ("Sales report,,\nGenerated:,2024-03-01,\n,,\n", ["Sales report", "Generated: 2024-03-01"], 5),
        ("Sales report\n", ["Sales report"], 3),
    ],
)
def test_lines_above_the_header_are_paragraphs(above: str, said: list[str], row: int) -> None:
    document = read("a.csv", above + "region,units,price\nNorth,3,4.5\nSouth,4,5\n")
    paragraphs = document.text.split("\n\n")
    assert paragraphs == [*said, "region: North; units: 3; price: 4.5", "region: South; units: 4; price: 5"]
    assert document.parts[-2].place == Place("row", row)


def test_a_blank_row_ends_a_table_only_where_another_begins() -> None:
    assert lines("a,b\n1,2\n\n3,4\n") == ["a: 1; b: 2", "a: 3; b: 4"]
    assert lines("a,b\n1,2\n\nc,d\nx,2\ny,3\n\nSource: ledger\n") == [
        "a: 1; b: 2",
        "c: x; d: 2",
        "c: y; d: 3",
        "Source: ledger",
    ]


def test_a_single_column_is_a_list() -> None:
    document = read("a.csv", "fruit\napple\npear\n")
    assert (document.text, {part.kind for part in document.parts}) == ("fruit\n\napple\n\npear", {"item"})
    assert lines("alone") == ["alone"]


def test_a_question_stands_above_its_answer_and_neither_is_named() -> None:
    document = read(
        "faq.csv", "question,answer,owner\nHow do I open the gate?,Turn the key twice. Then push.,Security\n"
    )
    assert document.text == "How do I open the gate?\nTurn the key twice. Then push.\n\nowner: Security"
    assert [part.kind for part in document.parts] == ["heading", "text", "text"]
    assert lines("Frage;Antwort;Nr\nWarum?;Darum. So ist es.;1\n") == ["Warum?", "Darum. So ist es.", "Nr: 1"]
    assert lines("How do I?,Do it. So.\nAnd why?,It helps. Much.\n") == [
        "How do I?",
        "Do it. So.",
        "And why?",
        "It helps. Much.",
    ]
    assert lines("question,topic\nWhy me?,luck\n") == ["question: Why me?; topic: luck"]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('"5 inch,pipe\n6 inch,hose\n7 inch,valve\n', "The quote in line 2 is"),
        ('"5 inch,pipe\n6 inch,"hose"\n7 inch,valve\n', "The quote in line 2 is"),
        ('5 inch,pipe\n"6 inch,hose\n"7 inch,valve\n', "The quotes in lines 3, 4 are"),
    ],
)
def test_a_quote_that_is_never_closed_costs_no_row(table: str, said: str) -> None:
    document = read("a.csv", f"size,item\n{table}")
    assert document.text.split("\n\n") == [
        "size: 5 inch; item: pipe",
        "size: 6 inch; item: hose",
        "size: 7 inch; item: valve",
    ]
    assert document.doubts[0].startswith(said)


def test_quotes_hold_line_breaks_and_separators_and_other_quotes_stay() -> None:
    assert lines('name,address\nAnn,"1 High St\nLeeds, UK"\n') == ["name: Ann; address: 1 High St Leeds, UK"]
    assert lines('size,said\n5",""\n6","He said ""no""."\n') == ['size: 5"', 'size: 6"; said: He said "no".']


def test_a_cell_far_beyond_the_csv_modules_own_limit_is_read() -> None:
    assert len(read("a.csv", "name,text\nx," + "w" * 200_000).text) > 200_000


def test_only_the_head_of_a_long_table_is_judged_and_all_of_it_read() -> None:
    document = read("a.tsv", "id\tname\n" + "".join(f"{number}\tname {number}\n" for number in range(3_000)))
    assert len(document.parts) == 3_000
    assert document.text.endswith("id: 2999; name: name 2999")
    assert document.parts[-1].place == Place("row", 3_001)


@pytest.mark.parametrize("corner", ["Item", ""])
@pytest.mark.parametrize(
    ("heads", "rows"),
    [
        (("2024", "2023"), (("2918", "3304"), ("1276", "1715"), ("1999", "840"))),
        (("2024", "2023"), (('"2,918"', '"3,304"'), ('"1,276"', '"1,715"'))),
        (("2020", "2022", "2023"), (("12%", "14%", "9%"), ("1850", "7", "8"))),
        (("5", "10", "40"), (("1.5", "2.75", "0.5"), ("0.25", "3.5", "9.1"))),
    ],
)
def test_years_and_other_numbers_that_rise_or_fall_name_columns(
    corner: str, heads: tuple[str, ...], rows: tuple[tuple[str, ...], ...]
) -> None:
    labels = ("Revenue", "Profit before tax", "Tax")
    text = "\n".join(
        ",".join(row) for row in [(corner, *heads), *([label, *row] for label, row in zip(labels, rows, strict=False))]
    )
    first = "; ".join(f"{name}: {value.strip(chr(34))}" for name, value in zip(heads, rows[0], strict=True))
    assert lines(text)[0] == f"{corner or 'row'}: Revenue; {first}"


@pytest.mark.parametrize(
    "text",
    [
        "Anna,1984,2010\nBob,1990,2015\nCy,1979,2003\n",
        "Bergen,12,45,80\nOslo,5,4,9\nMoss,7,3,2\n",
        "Bolt,1950,12\nNut,2000,13\nNail,7,5\n",
    ],
)
def test_numbers_in_a_first_row_of_data_name_nothing(text: str) -> None:
    assert lines(text)[0].startswith("column 1: ")
