"""The built-in corpus as documents."""

import corpus
from backends.local.documents.types import BUILT_IN, Document


def builtin_documents() -> list[Document]:
    """Every article of the built-in corpus, sorted by document id."""
    return [Document(article.document_id, article.title, article.text, BUILT_IN) for article in corpus.articles()]
