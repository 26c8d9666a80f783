"""Files of office programs, made for a test."""

import io
import zipfile
from collections.abc import Mapping
from typing import Any


def saved(document: Any) -> bytes:
    """What a document of python-docx, python-pptx or openpyxl is as a file."""
    target = io.BytesIO()
    document.save(target)
    return target.getvalue()


def zipped(files: Mapping[str, bytes | str], *, like: bytes = b"") -> bytes:
    """An archive of files; of those in `like` too, unless they are named anew."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        if like:
            with zipfile.ZipFile(io.BytesIO(like)) as other:
                for name in other.namelist():
                    if name not in files:
                        archive.writestr(name, other.read(name))
    return target.getvalue()
