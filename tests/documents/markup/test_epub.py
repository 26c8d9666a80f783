"""Books."""

import io
import zipfile

import pytest

from pipeline.errors import InputError
from tests.documents.one import parts_of, read_document

CONTAINER = '<container xmlns="urn:x"><rootfiles><rootfile full-path="O/b.opf"/></rootfiles></container>'
PACKAGE = """<package xmlns="http://www.idpf.org/2007/opf"><metadata><t:title xmlns:t="http://purl.org/dc/elements/1.1/">The sea</t:title>
</metadata><manifest><item id="n" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="b" href="two.xhtml" media-type="application/xhtml+xml"/><item id="a" href="one%20a.xhtml" media-type="application/xhtml+xml"/>
</manifest><spine><itemref idref="n"/><itemref idref="a"/><itemref idref="b"/></spine></package>"""
NAV = '<html xmlns="http://www.w3.org/1999/xhtml"><body><nav><ol><li><a href="one%20a.xhtml">Ebb</a></li></ol></nav></body></html>'
FILES = {
    "META-INF/container.xml": CONTAINER,
    "O/b.opf": PACKAGE,
    "O/nav.xhtml": NAV,
    "O/one a.xhtml": '<html xmlns="http://www.w3.org/1999/xhtml"><head><title/></head><body><p>Water falls.<a id="x"/></p></body></html>',
    "O/two.xhtml": "<html><body><h1>Flood</h1><p>Water rises.</p></body></html>",
}


def book(**changed: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in {**FILES, **changed}.items():
            archive.writestr(name, text)
    return file.getvalue()


def test_chapters_come_in_reading_order_under_their_titles() -> None:
    document = read_document("a.epub", book())
    assert document.title == "The sea"
    assert parts_of(document) == [
        ("heading", "Ebb"),
        ("text", "Water falls."),
        ("heading", "Flood"),
        ("text", "Water rises."),
    ]


@pytest.mark.parametrize(
    ("algorithm", "refused"),
    [("http://www.w3.org/2001/04/xmlenc#aes128-cbc", True), ("http://www.idpf.org/2008/embedding", False)],
)
def test_a_book_with_a_lock_is_refused_but_not_for_its_typefaces(algorithm: str, refused: bool) -> None:
    lock = f"""<encryption><EncryptedData><EncryptionMethod Algorithm="{algorithm}"/><CipherData><CipherReference URI="O/two.xhtml"/>
    </CipherData></EncryptedData></encryption>"""
    data = book(**{"META-INF/encryption.xml": lock})
    if refused:
        with pytest.raises(InputError, match="locked"):
            read_document("a.epub", data)
    else:
        assert "Water rises." in read_document("a.epub", data).text


@pytest.mark.slow
def test_a_bomb_and_another_file_are_refused() -> None:
    with pytest.raises(InputError, match="is no EPUB book but"):
        read_document("a.epub", b"just text")
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in FILES.items():
            archive.writestr(name, text if "two" not in name else " " * 30_000_000)
    with pytest.raises(InputError, match="unpacks to more than 500 times its size"):
        read_document("a.epub", file.getvalue())
