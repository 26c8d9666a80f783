"""One list of terms: the page of the docs and the "?" of the pages say the same."""

import ast
from pathlib import Path

import pytest

from app.kit.glossary import TERMS, explained, to_markdown

ROOT = Path(__file__).parents[3]


def test_the_page_of_the_docs_is_the_list() -> None:
    assert (ROOT / "docs" / "glossary.md").read_text("utf-8") == to_markdown()


def test_terms_stand_in_the_order_of_the_alphabet_and_each_meaning_is_a_sentence() -> None:
    assert list(TERMS) == sorted(TERMS, key=str.lower)
    assert all(meaning[0].isupper() and meaning.endswith(".") for meaning in TERMS.values())


def test_a_term_is_told_with_its_name() -> None:
    assert explained("nats", "right").startswith("Nats: The unit of log-probability")
    with pytest.raises(KeyError):
        explained("no such term")


@pytest.mark.slow
def test_pages_explain_terms_that_there_are() -> None:
    told = {
        argument.value
        for folder in ("app/views", "pages")
        for path in (ROOT / folder).rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "explained"
        for argument in call.args
        if isinstance(argument, ast.Constant)
    }
    assert told
    assert told <= set(TERMS)
