"""Known tricks, each as a real file through the real readers: nothing outside is read, and the next file is."""

from collections.abc import Iterator

import pytest

from backends.local.documents import Extractor, ReadLimits
from benchmarks.hostile import HOSTILE
from pipeline.errors import InputError


@pytest.fixture(scope="module")
def extractor() -> Iterator[Extractor]:
    with Extractor(ReadLimits(memory_mb=400)) as opened:
        yield opened


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("form-in-form.pdf", "form-in-form.pdf needed more than 400 MB of memory to read"),
        ("far-cell.xlsx", "far-cell.xlsx needed more than 400 MB of memory to read"),
        ("header.eml", "header.eml needed more than 400 MB of memory to read"),
        ("circles.pdf", "1,000,000 pages"),
        ("deep-pages.pdf", "broken"),
        ("laughs.xlsx", "broken"),
        ("laughs.docx", "broken"),
        ("deep.json", "nested too deeply"),
        ("deep.ipynb", "nested too deeply"),
        ("deep.eml", "nested too deeply"),
        ("zips.zip", "lies in 3 others"),
    ],
)
def test_a_hostile_file_is_named_and_the_next_is_read(extractor: Extractor, name: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        extractor.read(name, HOSTILE[name]())
    assert extractor.read("b.txt", b"Good.")[0].text == "Good."


@pytest.mark.parametrize(
    "name", ["outside.docx", "outside.epub", "includes.rst", "svg-laughs.html", "laughs.epub", "yaml.md"]
)
@pytest.mark.slow
def test_what_a_file_would_have_fetched_or_unpacked_is_not_there(extractor: Extractor, name: str) -> None:
    (document,) = extractor.read(name, HOSTILE[name]())
    assert "root:" not in document.text  # of /etc/passwd
    assert "laughlaugh" not in document.text
    assert len(document.text) < 100
