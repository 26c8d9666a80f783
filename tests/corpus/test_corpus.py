"""What the built-in corpus promises to whoever asks it and to whoever evaluates on it."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

import corpus
from backends.local.splitting import split_sentences
from corpus import Article, Question

ARTICLES = {article.document_id: article for article in corpus.articles()}
QUESTIONS = corpus.questions()


def sentences_of(article: Article) -> list[str]:
    return [article.text[start:end] for start, end in split_sentences(article.text)]


def test_at_least_sixty_articles_on_about_ten_subjects() -> None:
    assert len(ARTICLES) >= 60
    assert len({document_id.split("/")[0] for document_id in ARTICLES}) >= 9


@pytest.mark.parametrize("article", ARTICLES.values(), ids=lambda article: article.document_id)
def test_an_article_is_short_plain_and_has_a_title(article: Article) -> None:
    assert 200 <= len(article.text.split()) <= 430
    assert re.fullmatch(r"[a-z]+/[a-z0-9]+(-[a-z0-9]+)*", article.document_id)
    assert article.title
    assert not article.title.startswith("#")
    assert all(paragraph == paragraph.strip() and "\n" not in paragraph for paragraph in article.text.split("\n\n"))
    assert not re.search(r"[<>*_#`|]", article.text)


def test_titles_are_unique() -> None:
    assert len({article.title for article in ARTICLES.values()}) == len(ARTICLES)


def test_no_sentence_stands_in_two_articles_or_twice_in_one() -> None:
    counts = Counter(sentence for article in ARTICLES.values() for sentence in sentences_of(article))
    assert [sentence for sentence, count in counts.items() if count > 1] == []


def test_at_least_thirty_answerable_questions_of_each_type_and_forty_unanswerable() -> None:
    answerable = Counter(question.type for question in QUESTIONS if question.answerable)
    assert set(answerable) == set(corpus.QUESTION_TYPES)
    assert min(answerable.values()) >= 30
    assert answerable.total() >= 270
    assert sum(not question.answerable for question in QUESTIONS) >= 40


def test_every_article_is_asked_about() -> None:
    assert {question.document_id for question in QUESTIONS if question.answerable} == set(ARTICLES)


def test_ids_and_questions_are_unique() -> None:
    assert len({question.question_id for question in QUESTIONS}) == len(QUESTIONS)
    wordings = Counter(" ".join(re.findall(r"\w+", question.question.lower())) for question in QUESTIONS)
    assert [wording for wording, count in wordings.items() if count > 1] == []


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.question_id)
def test_a_question_is_well_formed_and_its_answers_stand_in_one_sentence_of_its_article(question: Question) -> None:
    assert question.question.endswith("?")
    assert question.type in corpus.QUESTION_TYPES
    assert re.fullmatch(r"[a-z]+-\d{3}", question.question_id)
    if not question.answerable:
        assert (question.answers, question.document_id) == ((), None)
        return
    assert question.answers
    assert question.document_id is not None
    sentences = [sentence.lower() for sentence in sentences_of(ARTICLES[question.document_id])]
    assert [a for a in question.answers if not any(a.lower() in sentence for sentence in sentences)] == []


def test_no_question_gives_its_answer_away() -> None:
    told = [q.question_id for q in QUESTIONS if any(answer.lower() in q.question.lower() for answer in q.answers)]
    assert told == []


def test_the_fingerprint_is_a_sha256_and_stays_the_same() -> None:
    assert re.fullmatch(r"[0-9a-f]{64}", corpus.fingerprint())
    corpus.fingerprint.cache_clear()
    corpus.articles.cache_clear()
    first = corpus.fingerprint()
    corpus.fingerprint.cache_clear()
    assert corpus.fingerprint() == first


def test_the_fingerprint_changes_with_a_text(monkeypatch: pytest.MonkeyPatch) -> None:
    before = corpus.fingerprint()
    changed = (*corpus.articles()[:-1], Article("space/sun", "The Sun", "Another text."))
    monkeypatch.setattr(corpus, "articles", lambda: changed)
    corpus.fingerprint.cache_clear()
    assert corpus.fingerprint() != before
    monkeypatch.undo()
    corpus.fingerprint.cache_clear()
    assert corpus.fingerprint() == before


def test_at_least_a_hundred_and_fifty_questions_are_worded_as_visitors_type() -> None:
    lines = (Path(corpus.__file__).parent / "questions" / "visitors.jsonl").read_text("utf-8").splitlines()
    asked = {json.loads(line)["question"] for line in lines}
    assert len(asked) >= 150
    assert asked <= {question.question for question in corpus.questions()}
