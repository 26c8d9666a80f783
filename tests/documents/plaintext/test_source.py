"""Programs, settings and logs."""

from tests.documents.one import read_document


def test_code_keeps_its_white_space_and_knows_its_lines() -> None:
    short = "import os\n\n\ndef first():\n\treturn 1\n"
    long = "\n\nclass Long:\n" + "".join(f"    x{n} = {n}\n" for n in range(50))
    document = read_document("tool.py", (short + long).encode())
    assert document.title == "tool.py"
    assert [(part.kind, part.place and part.place.number) for part in document.parts] == [("code", 1), ("code", 8)]
    assert "def first():\n    return 1" in document.text


def test_a_long_definition_is_cut_at_a_blank_line() -> None:
    method = "    def m(self):\n" + "        pass\n" * 28 + "\n"
    document = read_document("a.py", ("class A:\n" + method * 3).encode())
    starts = [document.text[part.start : part.end].split("\n")[0].strip() for part in document.parts]
    assert starts == ["class A:", "def m(self):"]


def test_a_line_that_a_program_wrote_is_cut() -> None:
    document = read_document("min.js", b"x=1;" * 2_000)
    assert max(map(len, document.text.split("\n"))) == 2_000  # MAX_LINE_CHARS.


def test_an_encoding_in_a_comment_is_heeded() -> None:
    assert "ü" in read_document("a.py", "# -*- coding: latin-1 -*-\nx = 'ü'\n".encode("latin-1")).text


def test_each_definition_says_in_which_line_it_begins() -> None:
    code = '"""Drive it.\n\nSlowly,\nthough.\n"""\n\nA = 1\n\nB = 2\n\n\n'
    code += "def go():\n    a = 1\n    b = 2\n    return a + b\n\n\nclass Stop:\n"
    document = read_document("a.py", (code + "    x = 1\n" * 4).encode())
    found = [
        (part.place and part.place.number, document.text[part.start : part.end].split("\n")[0])
        for part in document.parts
    ]
    assert found == [(1, '"""Drive it.'), (7, "A = 1"), (12, "def go():"), (18, "class Stop:")]
