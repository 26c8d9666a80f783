"""Workbooks to records."""

import base64
import datetime
import zlib

import openpyxl
import pytest

from backends.local.documents import Place
from pipeline.errors import InputError
from tests.documents.office_files import saved, zipped
from tests.documents.one import read_document

OLD_WORKBOOK = (
    "c-rk)J!lj`6#iy&m-`{P?8S?a1i}$8YLZ55Y?6(FrZSv1iU@j1wm1?mVNIijM&p%&V5Qgu(%3|8{6UKd78XK83qcU>v`i%^SR}W;_jXn;nj!}#"
    "M44}yZ{EInGxK)m&CJfeT~3$hA9Yml8wSyUs-Hk(jZRTYgf}**-1k`w^Ef5n;GaSwP6OE(#q;JjF&;x6?+PqDjJzZUK2ti2X^c!2-Rw5vi1?6K"
    "?85-D!adTY&@NuJ3Xciz5`G|-FNB9gb5nSLY|H8lmYtE_Lpq92TisHY0=N4_>U<Q<0kq*YNAcBLDzJ^>uvf@W?#zO&ND~%7<2LLTT`xabMurA("
    "0pI;B@GYFFOIf4eUcCb8f2`NXHqhU;BET&C^Ag}C3dp5~U=rrM!kBw;6`f!OC$cQexEG?pG?!5zyh`$VEc4f1H-DQYuA7L*(IRqMqT8kwdiDO-"
    "cgII_&N<P{%9<Ul?0eW5__)S3sB%h5tY6$K+$VfpTJ03MLpVb*NqJAMO$*27#O8*S_E0|u1@E1`HS#`^ODiXyc9p(3`$=9Lu3XM6esJc|O*_pv"
    ")#qyt{i<Kxy~B9sgt^kIz$fAMKURdeWozGky?wP{4M`Ex!oeNC9i{En2KGwqxy371Qv69{g+^r1YQ<xDJwr8nWD*7j1_lNO1_lNOI~PiS-RmO;"
    "eY^)}h?xGbvqq_Eev|ySIEg8`X6Rsg6h+ECT&gR6b|b37w$vu;g#QZ}r>J)i6BrdgChCq~Is>ZO=h<{c`|nMmdi$@|<L4Il{}X04!94"
)
"""A workbook of before 2007 with a sheet “Prices” of item, price; Ä, 2.5, as xlwt 1.3.0 writes it: deflated, in base 85."""

ODS = {
    "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
    "META-INF/manifest.xml": '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>',
    "content.xml": (
        '<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0">'
        '<office:body><office:spreadsheet><table:table table:name="Prices">ROWS</table:table></office:spreadsheet></office:body>'
        "</office:document-content>"
    ),
}


def lines(workbook: openpyxl.Workbook) -> list[str]:
    return read_document("a.xlsx", saved(workbook)).text.replace("\n\n", "\n").split("\n")


def test_rows_are_records_with_dates_and_whole_numbers_as_a_person_writes_them() -> None:
    workbook = openpyxl.Workbook()
    workbook.active.append(["item", "price", "since", "at", "sold"])
    workbook.active.append(["pump", 4.0, datetime.date(2024, 1, 2), datetime.datetime(2024, 1, 2, 3, 4), True])
    workbook.active.append(["pipe", 0.1 + 0.2, None, datetime.time(5, 6), False])
    document = read_document("a.xlsx", saved(workbook))
    assert document.text == (
        "item: pump; price: 4; since: 2024-01-02; at: 2024-01-02 03:04; sold: TRUE\n\nitem: pipe; price: 0.3; at: 05:06; sold: FALSE"
    )
    assert [(part.kind, part.place) for part in document.parts] == [
        ("record", Place("row", 2)),
        ("record", Place("row", 3)),
    ]


def test_every_sheet_is_a_section_and_hidden_ones_are_left_out_and_told() -> None:
    workbook = openpyxl.Workbook()
    workbook.active.append(["item", "price"])
    workbook.active.append(["pump", 4])
    staff = workbook.create_sheet("Staff")
    staff.append(["Question", "Answer"])
    staff.append(["Who leads?", "Ann does. Ask her."])
    secret = workbook.create_sheet("Wages")
    secret.append(["Ann", 1])
    secret.sheet_state = "hidden"
    document = read_document("a.xlsx", saved(workbook))
    assert document.text == "Sheet\nitem: pump; price: 4\n\nStaff\nWho leads?\nAnn does. Ask her."
    assert document.parts[-1].section == ("Staff", "Who leads?")
    assert document.doubts == (
        "Hidden sheets were left out: Wages. Show them and save the workbook to have them read.",
    )


def test_tables_apart_from_each_other_have_headers_of_their_own() -> None:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    sheet["B2"] = "Prices of 2024"
    sheet.merge_cells("B2:C2")
    for place, row in {4: ("item", "price"), 5: ("pump", 4), 8: ("town", "people"), 9: ("Leeds", 800_000)}.items():
        sheet.cell(place, 2, row[0])
        sheet.cell(place, 3, row[1])
    assert lines(workbook) == ["Prices of 2024", "item: pump; price: 4", "town: Leeds; people: 800000"]


def test_a_cell_merged_down_holds_for_all_its_rows() -> None:
    workbook = openpyxl.Workbook()
    for row in (("plant", "line", "output"), ("Ostrava", "A", 4), (None, "B", 5), ("Leeds", "C", 6)):
        workbook.active.append(row)
    workbook.active.merge_cells("A2:A3")
    assert lines(workbook)[1:] == ["plant: Ostrava; line: B; output: 5", "plant: Leeds; line: C; output: 6"]


def test_a_formula_without_a_result_is_told() -> None:
    workbook = openpyxl.Workbook()
    workbook.active.append(["item", "price"])
    workbook.active.append(["pump", "=2+2"])
    document = read_document("a.xlsx", saved(workbook))
    assert document.text == "item: pump"
    assert document.doubts == (
        "1 formula has no saved result: open the workbook in a spreadsheet program and save it.",
    )


def test_a_cell_in_the_last_corner_is_refused_before_it_takes_all_memory() -> None:
    workbook = openpyxl.Workbook()
    workbook.active["A1"], workbook.active["XFD1048576"] = "here", "there"
    with pytest.raises(InputError, match="spreads over 1,048,576 rows and 16,384 columns"):
        read_document("a.xlsx", saved(workbook))


def test_old_and_open_workbooks_are_read() -> None:
    assert read_document("a.xls", zlib.decompress(base64.b85decode(OLD_WORKBOOK))).text == "Prices\nitem: Ä; price: 2.5"
    cells = [["item", "price"], ["Ä", "2.5"]]
    rows = "".join(
        "<table:table-row>"
        + "".join(
            f'<table:table-cell office:value-type="string"><text:p>{cell}</text:p></table:table-cell>' for cell in row
        )
        + "</table:table-row>"
        for row in cells
    )
    blank_cells = '<table:table-cell table:number-columns-repeated="1024"/>'
    blank = f'<table:table-row table:number-rows-repeated="1048574">{blank_cells}</table:table-row>'
    files = ODS | {"content.xml": ODS["content.xml"].replace("ROWS", rows + blank)}
    assert read_document("a.ods", zipped(files)).text == "Prices\nitem: Ä; price: 2.5"
    with pytest.raises(InputError, match="protected by a password"):
        read_document("a.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"))


@pytest.mark.slow
def test_a_workbook_over_which_the_library_panics_is_broken() -> None:
    data = bytearray(zlib.decompress(base64.b85decode(OLD_WORKBOOK)))
    data[5369] = 5  # In the directory, a stream's size: calamine 0.37 looks for a sector that is not there.
    with pytest.raises(InputError, match="is broken: it cannot be read as Excel"):
        read_document("a.xls", bytes(data))


@pytest.mark.parametrize(
    ("value", "code", "shown"),
    [
        (0.125, "0.0%", "12.5%"),
        (0.05, "0%", "5%"),
        (0.125, "0.0 %", "12.5 %"),
        (389.5, '#,##0.00 "kr"', "389.50 kr"),
        (2150, '#,##0.00 "kr"', "2,150.00 kr"),
        (-3.456, "[$€-407] 0.00;[Red]-[$€-407] 0.00", "-€ 3.46"),
        (4, "0.00", "4.00"),
        (2.5, "0.0##", "2.5"),
        (1234, "#,##0", "1,234"),
        (7, "00000", "7"),
        (1500, "0.00E+00", "1500"),
        (0.5, "# ?/?", "0.5"),
        (0.1 + 0.2, "General", "0.3"),
    ],
)
def test_numbers_are_shown_as_their_cells_format_says(value: float, code: str, shown: str) -> None:
    workbook = openpyxl.Workbook()
    workbook.active.append([])
    workbook.active.append(["", "item", "rate"])
    workbook.active.append(["", "pump", value])
    workbook.active["C3"].number_format = code
    workbook.create_sheet("Other").append(["item", "rate"])
    workbook["Other"].append(["pipe", 0.5])
    workbook["Other"]["B2"].number_format = "0%"
    assert lines(workbook) == ["Sheet", f"item: pump; rate: {shown}", "Other", "item: pipe; rate: 50%"]


def test_years_head_the_columns_of_a_sheet() -> None:
    workbook = openpyxl.Workbook()
    for row in (["Item", 2024, 2023], ["Revenue", 2918, 3304], ["Profit", 1276, 1715]):
        workbook.active.append(row)
    assert lines(workbook)[0] == "Item: Revenue; 2024: 2918; 2023: 3304"
