"""Notebooks to blocks."""

import json
from typing import Any

import pytest

from backends.local.documents import Place
from pipeline.errors import InputError
from tests.documents.one import read_document


def notebook(*cells: dict[str, Any]) -> bytes:
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def code(source: str, *outputs: dict[str, Any]) -> dict[str, Any]:
    return {"cell_type": "code", "source": source, "outputs": outputs}


def test_cells_are_text_and_code_with_their_numbers() -> None:
    printed = {"output_type": "stream", "text": ["42\n"]}
    document = read_document(
        "a.ipynb",
        notebook(
            {"cell_type": "markdown", "source": ["# Pumps\n", "How *they* work."]},
            code("if x:\n    print(42)", printed),
        ),
    )
    assert document.title == "Pumps"
    assert [(document.text[part.start : part.end], part.kind, part.place) for part in document.parts] == [
        ("How they work.", "text", Place("cell", 1)),
        ("if x:\n    print(42)", "code", Place("cell", 2)),
        ("42", "code", Place("cell", 2)),
    ]


def test_pictures_errors_and_long_outputs_are_left_out() -> None:
    picture = {"output_type": "display_data", "data": {"image/png": "iVBORw0KGgo=", "text/plain": "<Figure>"}}
    error = {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": ["…"]}
    log = {"output_type": "stream", "text": "line\n" * 21}
    result = {"output_type": "execute_result", "data": {"text/html": "<b>7</b>", "text/plain": ["7"]}}
    document = read_document("a.ipynb", notebook(code("draw()", picture, error, log, result)))
    assert document.text == "draw()\n\n7"


def test_a_notebook_of_the_third_format_is_read() -> None:
    cells = [
        {"cell_type": "heading", "level": 2, "source": "Pumps"},
        {"cell_type": "code", "input": "run()", "outputs": []},
    ]
    document = read_document("a.ipynb", json.dumps({"worksheets": [{"cells": cells}], "nbformat": 3}).encode())
    assert document.text == "Pumps\nrun()"


@pytest.mark.parametrize("data", [b"{}", b"[1]", b"{", b'{"cells": [3]}'])
def test_what_is_no_notebook_is_broken(data: bytes) -> None:
    with pytest.raises(InputError, match="is broken: it cannot be read as Jupyter notebook"):
        read_document("a.ipynb", data)
