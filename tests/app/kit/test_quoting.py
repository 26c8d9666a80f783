"""Where the words that answer stand in the answer."""

from app.kit.quoting import answering_words
from pipeline.types import Chunk, Evidence, Generation

TEXT = "It hangs in Paris. Leonardo\n  painted it in Florence. Paris is a city."


def make(answer: str, *evidence: Evidence) -> Generation:
    return Generation(answer, (), 0, "quoted", evidence=evidence)


def words(generation: Generation, text: str = TEXT) -> list[str]:
    chunks = [Chunk("c", "d", "T", text, 0.5, 1)]
    return [generation.answer[start:end] for start, end in answering_words(generation, chunks)]


def test_words_are_found_although_white_space_was_joined() -> None:
    start = TEXT.index("Leonardo")
    answer = (start, TEXT.index(" in Florence"))
    generation = make("Leonardo painted it in Florence.", Evidence("c", start, TEXT.index(" Paris is"), answer))
    assert words(generation) == ["Leonardo painted it"]


def test_second_of_two_equal_words_is_found_in_its_own_sentence() -> None:
    first = Evidence("c", 0, 18, (12, 17))
    start = TEXT.index("Paris is")
    second = Evidence("c", start, len(TEXT), (start, start + 5))
    generation = make("It hangs in Paris. Paris is a city.", first, second)
    assert answering_words(generation, [Chunk("c", "d", "T", TEXT, 0.5, 1)]) == [(12, 17), (19, 24)]


def test_nothing_is_marked_where_nothing_is_known() -> None:
    assert words(make("It hangs in Paris.", Evidence("c", 0, 18))) == []
    assert words(make("It hangs in Paris.", Evidence("other", 0, 18, (0, 2)))) == []
    assert words(make("Something else.", Evidence("c", 0, 18, (12, 17)))) == []
