"""The built-in corpus as documents."""

import corpus
from backends.local.documents import BUILT_IN, builtin_documents


def test_every_article_is_a_document() -> None:
    documents = builtin_documents()
    assert [document.document_id for document in documents] == [article.document_id for article in corpus.articles()]
    assert {document.source for document in documents} == {BUILT_IN}
    assert all(document.title and document.text for document in documents)
