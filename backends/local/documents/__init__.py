"""How documents come in: files to `Document`s, the built-in corpus as documents, and the library of the users' own."""

from backends.local.documents.built_in import builtin_documents
from backends.local.documents.extract import read_documents, read_path
from backends.local.documents.extraction import Extractor, ReadLimits, ReadStopped
from backends.local.documents.files import FoundFiles, find_files
from backends.local.documents.formats import SUFFIXES
from backends.local.documents.library import DocumentLibrary, DocumentPage, DocumentSummary
from backends.local.documents.types import BUILT_IN, Document, Part, Place

__all__ = [
    "BUILT_IN",
    "SUFFIXES",
    "Document",
    "DocumentLibrary",
    "DocumentPage",
    "DocumentSummary",
    "Extractor",
    "FoundFiles",
    "Part",
    "Place",
    "ReadLimits",
    "ReadStopped",
    "builtin_documents",
    "find_files",
    "read_documents",
    "read_path",
]
