"""PDF to title and blocks, by pdfium. It knows where each letter stands; lines, columns, paragraphs and headings are found here.

`pieces` asks pdfium, `rows` and `lines` order what it tells, `margins`, `contents` and `notes` set apart what is no part of the
text, `headings` and `paragraphs` make blocks. What a form holds comes from `forms`, what a picture holds from `recognition`.
"""

from backends.local.documents.pdf.document import read

__all__ = ["read"]
