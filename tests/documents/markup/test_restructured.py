"""reStructuredText, with and without Sphinx."""

import pytest

from backends.local.documents import Document
from tests.documents.one import parts_of, read_document


def read(text: str) -> Document:
    return read_document("a.rst", text.encode())


def test_headings_lists_and_code_are_told_apart() -> None:
    document = read(
        "Guide\n=====\n\nIntro.\n\nUse\n---\n\n* one\n* two\n\nSo::\n\n   a\n     b\n\nterm\n   What it means.\n"
    )
    assert document.title == "Guide"
    assert parts_of(document) == [
        ("text", "Intro."),
        ("heading", "Use"),
        ("item", "one"),
        ("item", "two"),
        ("text", "So:"),
        ("code", "a\n  b"),
        ("text", "term:"),
        ("text", "What it means."),
    ]


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("See :ref:`the gate <gate>` now.", "See the gate now."),
        ("Call :func:`~json.dump` and :class:`!Path`.", "Call dump and Path."),
        ("By :pep:`8` and :pep:`PEP 594 <594#cgi>`.", "By PEP 8 and PEP 594."),
        ("Has 2\\ :sup:`30` bytes [1]_.\n\n.. [1] A note.", "Has 2^30 bytes [1].\n\n[1] A note."),
        (".. note:: Mind the gap.", "Note:\nMind the gap."),
        (".. code-block:: python\n   :linenos:\n\n   def f():\n       pass", "def f():\n    pass"),
        (".. function:: dump(obj)\n\n   Write *obj*.", "dump(obj):\nWrite obj."),
        (".. versionadded:: 3.1\n   The *x* argument.", "New in version 3.1: The x argument."),
        ("Text.\n\n.. toctree::\n   :maxdepth: 2\n\n   b\n   c", "Text."),
        (".. tab-item:: Linux\n   :sync: a\n\n   Run it.", "Linux\n\nRun it."),
        (".. |x| replace:: ten\n\nIt is |x|.", "It is ten."),
    ],
)
def test_what_sphinx_adds_is_read_as_text(written: str, text: str) -> None:
    assert read(written).text == text


def test_a_table_names_its_columns() -> None:
    assert read("===== =====\nRoute Price\n===== =====\nSkye  14.20\nMull\n===== =====\n").text == (
        "Route: Skye; Price: 14.20\n\nRoute: Mull"
    )


def test_nothing_is_taken_from_another_file() -> None:
    assert (
        read(
            "Text.\n\n.. include:: /etc/hostname\n\n.. raw:: html\n\n   <b>raw</b>\n\n.. csv-table::\n   :file: /etc/hostname\n"
        ).text
        == "Text."
    )
