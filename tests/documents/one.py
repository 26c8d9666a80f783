"""Files that hold one document, as most do."""

from backends.local.documents import Document, read_documents


def read_document(name: str, data: bytes, *, max_bytes: int = 10_000_000, source: str | None = None) -> Document:
    """The document of a file; fails where there are several."""
    (document,) = read_documents(name, data, max_bytes=max_bytes, source=source)
    return document


def parts_of(document: Document) -> list[tuple[str, str]]:
    """The (kind, text) of each part."""
    return [(part.kind, document.text[part.start : part.end]) for part in document.parts]
