"""How documents come in: files to `Document`s, the built-in corpus as documents, and the library of the users' own."""

from backends.local.documents.built_in import builtin_documents
from backends.local.documents.extract import read_documents, read_path
from backends.local.documents.extraction import Extractor, ReadLimits, ReadStopped
from backends.local.documents.files import REASONS, FoundFiles, PassedOver, find_files
from backends.local.documents.formats import FORMATS, SUFFIXES, format_of
from backends.local.documents.kept.library import DocumentLibrary, DocumentPage, DocumentSummary
from backends.local.documents.kept.sources import KnownFile, Source, path_key
from backends.local.documents.kept.uploads import WaitingFile
from backends.local.documents.kept.uploads import named as named_upload
from backends.local.documents.types import BUILT_IN, GUESSED, MEMBER, Document, Part, Place, base_name

__all__ = [
    "BUILT_IN",
    "FORMATS",
    "GUESSED",
    "MEMBER",
    "REASONS",
    "SUFFIXES",
    "Document",
    "DocumentLibrary",
    "DocumentPage",
    "DocumentSummary",
    "Extractor",
    "FoundFiles",
    "KnownFile",
    "Part",
    "PassedOver",
    "Place",
    "ReadLimits",
    "ReadStopped",
    "Source",
    "WaitingFile",
    "base_name",
    "builtin_documents",
    "find_files",
    "format_of",
    "named_upload",
    "path_key",
    "read_documents",
    "read_path",
]
