"""The extractive reader: what it quotes, when it abstains, and what its probabilities are."""

import re
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import chisquare

from backends.local.answer_types import AnswerType, expected_type, holds_answer
from backends.local.features import SENTENCE_FEATURES, SUMMARY_FEATURES, QuestionWords, read_words
from backends.local.opposites import count_opposites, is_negated
from backends.local.reader import ABSTENTION, READ_TOGETHER, ExtractiveReader
from backends.local.sentences import EmbeddedSentences
from backends.local.spans.model import Marks
from backends.local.splitting import Spans, split_sentences
from backends.local.texts import sentence_text
from backends.local.weights import ReaderWeights, probabilities, sentence_scores
from backends.local.words import content_stems
from pipeline.deadline import Deadline
from pipeline.errors import ConfigError, Timeout
from pipeline.types import Chunk, GenerateOptions, Generation, Sample, Token
from tests.local.fake_embedder import FakeEmbedder

DRIFT = "Mr. Wegener proposed that continents drift. He died in Greenland in 1930.\nNobody believed him at first."
BEES = "Bees dance to show the way. The angle of the dance gives the direction to fly."
ASK = "Who proposed that continents drift?"


def make_chunk(text: str, rank: int = 1, title: str = "") -> Chunk:
    return Chunk(f"chunk-{rank}", "document", title, text, 0.8, rank)


CHUNKS = [make_chunk(DRIFT, 1, "Continental drift"), make_chunk(BEES, 2, "Honeybees")]


def make_weights(**changes: object) -> ReaderWeights:
    """Plain weights: cosine and word overlap decide; never abstains."""
    fields: dict[str, object] = {
        "sentence": dict.fromkeys(SENTENCE_FEATURES, 0.0) | {"cosine": 0.2, "overlap": 5.0},
        "summary": dict.fromkeys(SUMMARY_FEATURES, 0.0),
        "bias": 2.0,
        "answer_threshold": 0.1,
        "second_share": 0.9,
        "idf": {},
        "unseen_idf": 5.0,
    }
    return ReaderWeights(**(fields | changes))  # type: ignore[arg-type]


def read(question: str, chunks: Sequence[Chunk], **changes: object) -> tuple[list[Token], Generation]:
    """Everything that the reader yields, the Generation apart."""
    reader = ExtractiveReader(FakeEmbedder(), weights=make_weights(**changes))
    *tokens, generation = reader.generate(question, chunks, GenerateOptions())
    assert isinstance(generation, Generation)
    return [token for token in tokens if isinstance(token, Token)], generation


def test_answer_is_the_sentence_that_answers_with_its_exact_place() -> None:
    tokens, generation = read(ASK, CHUNKS)

    assert generation.answer == "Mr. Wegener proposed that continents drift."
    assert [token.text for token in tokens] == [generation.answer]
    assert generation.tokens == tuple(tokens)
    (evidence,) = generation.evidence
    assert evidence.chunk_id == "chunk-1"
    assert DRIFT[evidence.start : evidence.end] == generation.answer
    assert generation.finish_reason == "quoted"
    assert not generation.abstained
    assert generation.used_chunk_ids == ("chunk-1", "chunk-2")


def test_confidence_is_the_probability_of_the_quotation_and_the_token_bears_its_log() -> None:
    tokens, generation = read(ASK, CHUNKS)

    assert generation.confidence is not None
    assert generation.confidence.kind == "calibrated"
    assert generation.confidence.value == pytest.approx(np.exp(tokens[0].logprob_nats))
    assert 0 < generation.confidence.value < 1


class PlantedSpans:
    """A span reader that is sure of some words wherever they stand, and of nothing else."""

    name, fingerprint = "planted", "1"

    def __init__(self, *words: str, score: float = 9.0) -> None:
        self.words, self.score = words, score
        self.read_ranks: list[int] = []

    def read(self, question: str, chunks: Sequence[Chunk], *, deadline: Deadline | None = None) -> list[Marks]:
        self.read_ranks += [chunk.rank for chunk in chunks]
        return [self._mark(chunk.text) for chunk in chunks]

    def _mark(self, text: str) -> Marks:
        offsets = np.array([match.span() for match in re.finditer(r"\w+", text)], np.intp).reshape(-1, 2)
        starts, ends = np.full((2, len(offsets)), -9.0, np.float32)
        for place in (text.find(word) for word in self.words if word in text):
            words = next(word for word in self.words if text.startswith(word, place))
            starts[offsets[:, 0] == place] = self.score
            ends[offsets[:, 1] == place + len(words)] = self.score
        return Marks(offsets, starts, ends)


BY_SPAN: dict[str, object] = {"sentence": dict.fromkeys(SENTENCE_FEATURES, 0.0) | {"span": 1.0}}


def read_spans(question: str, chunks: Sequence[Chunk], spans: PlantedSpans, **changes: object) -> Generation:
    reader = ExtractiveReader(FakeEmbedder(), weights=make_weights(**(BY_SPAN | changes)), spans=spans)
    *_, generation = reader.generate(question, chunks, GenerateOptions())
    assert isinstance(generation, Generation)
    return generation


def test_sentence_that_the_span_reader_is_sure_of_is_quoted_with_the_words_that_answer() -> None:
    generation = read_spans("When did he die?", CHUNKS[:1], PlantedSpans("1930"))
    [evidence] = generation.evidence[-1:]
    assert generation.answer.endswith("He died in Greenland in 1930.")
    assert evidence.answer is not None
    assert DRIFT[slice(*evidence.answer)] == "1930"


def test_words_that_are_less_probable_than_that_none_answer_are_not_marked() -> None:
    assert read_spans("When?", CHUNKS[:1], PlantedSpans("1930", score=-1.0)).evidence[-1].answer is None


def test_pronoun_takes_along_the_sentence_that_names_whom_it_speaks_of() -> None:
    generation = read_spans("When did Wegener die?", CHUNKS[:1], PlantedSpans("1930"))
    assert generation.answer == "Mr. Wegener proposed that continents drift. He died in Greenland in 1930."
    assert [piece.answer is None for piece in generation.evidence] == [True, False]


def test_chunks_beyond_the_first_few_are_weighed_without_the_span_reader() -> None:
    spans = PlantedSpans("1930")
    chunks = [make_chunk(f"Bees dance in hive {rank}.", rank) for rank in range(1, READ_TOGETHER + 3)]
    read_spans(ASK, chunks, spans)
    assert spans.read_ranks == list(range(1, READ_TOGETHER + 1))


def test_what_is_made_of_a_chunk_does_not_depend_on_the_others() -> None:
    reader = ExtractiveReader(FakeEmbedder(), weights=make_weights(**BY_SPAN), spans=PlantedSpans("1930"))
    both, alone = reader.describe(ASK, CHUNKS), reader.describe(ASK, CHUNKS[1:])
    np.testing.assert_array_equal(both.rows[both.chunk_of == 1], alone.rows)


def test_a_chunk_is_read_once_for_a_question_however_often_it_is_scored() -> None:
    spans = PlantedSpans("1930")
    reader = ExtractiveReader(FakeEmbedder(), weights=make_weights(**BY_SPAN), spans=spans)
    for _ in range(3):
        reader.score(ASK, [CHUNKS, CHUNKS[:1], CHUNKS[1:]], "He died in Greenland in 1930.")
    assert spans.read_ranks == [1, 2]


def test_answering_again_reads_again_and_explaining_does_not() -> None:
    spans = PlantedSpans("1930")
    reader = ExtractiveReader(FakeEmbedder(), weights=make_weights(**BY_SPAN), spans=spans)
    for _ in range(2):
        list(reader.generate(ASK, CHUNKS, GenerateOptions()))
    reader.score(ASK, [CHUNKS], "He died in Greenland in 1930.")
    assert spans.read_ranks == [1, 2, 1, 2]


def test_answer_is_no_less_sure_where_many_sentences_give_it() -> None:
    texts = [f"In hive {n} the bees dance to show the way." for n in range(4)]
    chunks = [make_chunk(text, rank, f"Hive {rank}") for rank, text in enumerate(texts, 1)]
    alone, together = (
        read_spans("Why do bees dance?", given, PlantedSpans("to show the way")).confidence
        for given in (chunks[:1], chunks)
    )
    assert alone is not None
    assert together is not None
    assert together.value == pytest.approx(alone.value, rel=0.01)


def test_same_sentence_of_two_chunks_is_quoted_once() -> None:
    chunks = [make_chunk("Bees dance to show the way.", 1), make_chunk("Bees dance to show the way.", 2, "Other")]
    generation = read_spans("Why do bees dance?", chunks, PlantedSpans("to show the way"), second_share=0.0)
    assert generation.answer == "Bees dance to show the way."


@pytest.mark.parametrize(
    "text",
    [
        "Why do bees dance?\n\nTo show others where the flowers are.",
        "question: Why do bees dance\nTo show others where the flowers are.",
        "# Why bees dance\n\nTo show others where the flowers are.",
        "About bees\n\nTo show others where the flowers are.",
        "Dance | Hive | Reason\n\nTo show others where the flowers are.",
    ],
    ids=["question", "labelled question", "markdown heading", "title", "field names"],
)
def test_heading_question_or_field_names_are_never_the_answer(text: str) -> None:
    generation = read_spans(
        "Why do bees dance?", [make_chunk(text, title="About bees")], PlantedSpans("ance", "bees"), bias=5.0
    )
    assert "To show others where the flowers are." in generation.answer


def test_two_sentences_of_one_chunk_stand_in_its_order() -> None:
    question = "Which angle of the dance gives the direction?"
    tokens, generation = read(question, CHUNKS, second_share=0.0)

    assert generation.answer == " ".join(BEES.split())
    quoted = [BEES[e.start : e.end] for e in generation.evidence]
    assert quoted == ["Bees dance to show the way.", "The angle of the dance gives the direction to fly."]
    assert "".join(token.text for token in tokens) == generation.answer


def test_line_break_inside_a_sentence_becomes_a_space_and_the_evidence_stays_exact() -> None:
    text = "Wegener proposed\nthat continents drift."
    _, generation = read(ASK, [make_chunk(text)])

    assert generation.answer == "Wegener proposed that continents drift."
    assert (generation.evidence[0].start, generation.evidence[0].end) == (0, len(text))


def test_improbable_answer_is_an_abstention_that_says_so() -> None:
    tokens, generation = read(ASK, CHUNKS, bias=-3.0)

    assert tokens == []
    assert generation.answer == ABSTENTION
    assert generation.abstained
    assert generation.finish_reason == "abstained"
    assert generation.evidence == ()
    assert generation.confidence is not None
    # What would have been quoted has at most sigmoid(−3).
    assert generation.confidence.value > 1 / (1 + np.exp(-3.0))


@pytest.mark.parametrize("chunks", [[], [make_chunk("")], [make_chunk(" \n ")]])
def test_nothing_to_read_is_an_abstention(chunks: list[Chunk]) -> None:
    _, generation = read(ASK, chunks)

    assert generation.abstained
    assert generation.confidence is not None
    assert generation.confidence.value == 1


@pytest.mark.parametrize("question", ["😀", "?", "من اقترح؟", "<script>alert(1)</script>", "a" * 2_000, "the of"])
def test_odd_question_is_read_without_harm(question: str) -> None:
    _, generation = read(question, CHUNKS)

    assert generation.answer


def test_softmax_over_all_sentences_and_none_sums_to_one() -> None:
    reader = ExtractiveReader(FakeEmbedder(), weights=make_weights())
    description = reader.describe(ASK, CHUNKS)
    chances = probabilities(reader.weights, description)

    scores = sentence_scores(reader.weights, description).astype(np.float64)
    null = np.log(np.exp(scores).sum()) - 2.0  # the bias is the log-odds of any sentence against none
    expected = np.exp(scores) / (np.exp(scores).sum() + np.exp(null))
    assert chances.sentences == pytest.approx(expected, rel=1e-5)
    assert chances.sentences.sum() + (1 - chances.answered) == pytest.approx(1)


def test_masked_sentences_are_as_if_their_chunk_were_not_there() -> None:
    reader = ExtractiveReader(FakeEmbedder(), weights=make_weights(summary=dict.fromkeys(SUMMARY_FEATURES, 0.3)))
    both = reader.describe(ASK, CHUNKS)
    masked = probabilities(reader.weights, both, both.chunk_of == 0)
    alone = probabilities(reader.weights, reader.describe(ASK, CHUNKS[:1]))

    assert masked.answered == pytest.approx(alone.answered, rel=1e-5)
    assert masked.sentences[both.chunk_of == 0] == pytest.approx(alone.sentences, rel=1e-5)
    assert masked.sentences[both.chunk_of == 1].tolist() == [0, 0]


def test_stored_and_fresh_vectors_give_the_same_answer() -> None:
    embedder = FakeEmbedder()
    asked: list[str] = []

    class Stored:
        def sentences(self, chunk: Chunk) -> tuple[Spans, npt.NDArray[np.float32]] | None:
            asked.append(chunk.chunk_id)
            if chunk.rank == 2:
                return None
            spans = split_sentences(chunk.text)
            return spans, embedder.embed([sentence_text(chunk.title, chunk.text[a:b]) for a, b in spans], "passage")

    stored = ExtractiveReader(embedder, Stored(), make_weights())
    fresh = ExtractiveReader(embedder, weights=make_weights())

    assert list(stored.generate(ASK, CHUNKS, GenerateOptions())) == list(fresh.generate(ASK, CHUNKS, GenerateOptions()))
    assert asked == ["chunk-1", "chunk-2"]


def test_sentences_are_embedded_with_the_title_in_front() -> None:
    embedder = FakeEmbedder()
    spans, vectors = EmbeddedSentences(embedder).sentences(CHUNKS[1])

    assert embedder.embedded[0] == "Honeybees\nBees dance to show the way."
    assert vectors.shape == (len(spans), embedder.dimension)


def sample(chunks: Sequence[Chunk], samples: int, **given: object) -> list[Sample]:
    changes = given.pop("weights", {})
    reader = ExtractiveReader(FakeEmbedder(), weights=make_weights(**changes))  # type: ignore[arg-type]
    return list(reader.sample(ASK, chunks, GenerateOptions(), samples=samples, **given))  # type: ignore[arg-type]


DOUBT: dict[str, object] = {"sentence": dict.fromkeys(SENTENCE_FEATURES, 0.0) | {"overlap": 1.0}, "bias": 1.0}
"""Weights that leave every candidate, and none of them, a chance."""


def test_samples_are_as_frequent_as_their_candidates_are_probable() -> None:
    reader = ExtractiveReader(FakeEmbedder(), weights=make_weights(**DOUBT))
    reading = reader.read(ASK, CHUNKS)
    expected = {ABSTENTION: 1 - reading.probabilities.answered}
    for number, chance in enumerate(reading.probabilities.sentences):
        expected[reading.text(number)] = float(chance)
    drawn = [found.answer for found in sample(CHUNKS, 2_000, weights=DOUBT)]
    assert set(drawn) == set(expected)
    assert chisquare([drawn.count(text) for text in expected], [2_000 * p for p in expected.values()]).pvalue > 0.01


def test_log_probability_of_a_sample_is_its_score_at_any_temperature() -> None:
    """A sentence that two chunks hold is one answer, as it is where it is scored."""
    chunks = [*CHUNKS, make_chunk(DRIFT, 3, "Continental drift")]
    reader = ExtractiveReader(FakeEmbedder(), weights=make_weights(**DOUBT))
    for temperature in (0.5, 5.0):
        found = sample(chunks, 40, weights=DOUBT, temperature=temperature)
        assert len({each.answer for each in found}) > 3
        for each in found:
            assert each.logprob_nats == pytest.approx(float(reader.score(ASK, [chunks], each.answer).sum()), abs=1e-4)
            assert each.abstained is (each.answer == ABSTENTION)


def test_low_temperature_draws_what_is_quoted_or_the_abstention() -> None:
    for bias, abstains in ((2.0, False), (-3.0, True)):
        [found] = {*sample(CHUNKS, 20, weights={"bias": bias}, temperature=0.01)}
        assert (found.answer, found.abstained) == (read(ASK, CHUNKS, bias=bias)[1].answer, abstains)


def test_another_seed_draws_other_samples_and_the_same_one_the_same() -> None:
    assert sample(CHUNKS, 20, weights=DOUBT, seed=3) == sample(CHUNKS, 20, weights=DOUBT, seed=3)
    assert sample(CHUNKS, 20, weights=DOUBT, seed=3) != sample(CHUNKS, 20, weights=DOUBT, seed=4)


def test_nothing_to_read_leaves_nothing_but_abstentions_to_draw() -> None:
    assert sample([], 3) == [Sample(ABSTENTION, 0.0, abstained=True)] * 3


def test_sentence_is_embedded_once_however_its_chunk_is_cut() -> None:
    """As an ablation reads it: variants of a chunk, each under an id of its own and in none of the stores."""
    embedder = FakeEmbedder()
    source = EmbeddedSentences(embedder)
    readers = [ExtractiveReader(embedder, source, make_weights()) for _ in range(2)]
    sentences = [BEES[start:end] for start, end in split_sentences(BEES)]
    variants = [[make_chunk(text, rank, "Honeybees")] for rank, text in enumerate([BEES, *sentences, BEES], 1)]
    for reader in readers:
        reader.score(ASK, variants, sentences[0])
    passages = [text for text in embedder.embedded if text != ASK]
    assert passages == [sentence_text("Honeybees", sentence) for sentence in sentences]


def test_remembered_vectors_are_those_of_the_embedder_in_the_order_of_the_sentences() -> None:
    embedder, text = FakeEmbedder(), "One is here. Two is here. One is here."
    source = EmbeddedSentences(embedder)
    source.sentences(make_chunk("Two is here."))
    spans, vectors = source.sentences(make_chunk(text))
    fresh = embedder.embed([sentence_text("", text[start:end]) for start, end in spans], "passage")
    np.testing.assert_array_equal(vectors, fresh)


def test_sentence_of_the_same_words_under_another_title_is_another() -> None:
    embedder = FakeEmbedder()
    source = EmbeddedSentences(embedder)
    found = [source.sentences(make_chunk("Bees dance.", title=title))[1] for title in ("Honeybees", "Dancing")]
    assert len(embedder.embedded) == 2
    assert not np.array_equal(*found)


def test_passed_deadline_stops_the_reading() -> None:
    reader = ExtractiveReader(FakeEmbedder(), weights=make_weights())
    late = Deadline(1, clock=iter(chain([0.0], [2.0] * 9)).__next__)

    with pytest.raises(Timeout) as raised:
        list(reader.generate(ASK, CHUNKS, GenerateOptions(), deadline=late))
    assert raised.value.stage == "generate"


def test_shipped_weights_fit_the_features_and_name_their_articles() -> None:
    weights = ReaderWeights.load()

    assert 0 < weights.answer_threshold < 1
    assert weights.sentence["cosine"] > 0
    assert weights.summary["span_best"] > 0
    assert weights.sentence["span"] > 0
    assert "Normans" in weights.fitted_on["squad_v2_dev_articles"]
    assert weights.idf["year"] < weights.unseen_idf


@pytest.mark.parametrize("content", ["", "{}", '{"sentence": {}}', "[1]"])
def test_damaged_weights_name_the_remedy(content: str, tmp_path: Path) -> None:
    path = tmp_path / "weights.json"
    path.write_text(content)

    with pytest.raises(ConfigError, match=r"weights\.json.*fit_reader"):
        ReaderWeights.load(path)


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("When did Wegener die?", AnswerType.DATE),
        ("In what year was the treaty signed?", AnswerType.DATE),
        ("How many moons has Mars?", AnswerType.NUMBER),
        ("How far away is the Moon?", AnswerType.NUMBER),
        ("Who wrote Faust?", AnswerType.NAME),
        ("Where did Wegener die?", AnswerType.PLACE),
        ("Which city lies on 118 islands?", AnswerType.PLACE),
        ("Why is the sky blue?", AnswerType.REASON),
        ("How do bees find their way?", AnswerType.MANNER),
        ("What is a prime number?", AnswerType.OTHER),
    ],
)
def test_question_words_tell_the_expected_type(question: str, kind: AnswerType) -> None:
    assert expected_type(question) is kind


@pytest.mark.parametrize(
    ("kind", "sentence", "holds"),
    [
        (AnswerType.DATE, "He died in November.", True),
        (AnswerType.DATE, "He died in Greenland.", False),
        (AnswerType.NUMBER, "It has two moons.", True),
        (AnswerType.NUMBER, "It has moons.", False),
        (AnswerType.NAME, "The theory was Wegener's.", True),
        (AnswerType.NAME, "The theory was his.", False),
        (AnswerType.REASON, "It moves because it is hot.", True),
    ],
)
def test_sentence_holds_the_expected_type_or_not(kind: AnswerType, sentence: str, holds: bool) -> None:
    assert holds_answer(kind, sentence, frozenset()) is holds


def test_what_the_question_names_itself_is_no_answer() -> None:
    assert not holds_answer(AnswerType.NAME, "Wegener slept.", frozenset({"wegener"}))
    assert not holds_answer(AnswerType.DATE, "It was 1912.", frozenset({"1912"}))


def test_opposites_and_negations_are_seen() -> None:
    def stems(text: str) -> frozenset[str]:
        return frozenset(content_stems(text))

    assert count_opposites(stems("the largest river"), stems("the smallest river")) == 1
    assert count_opposites(stems("was it possible"), stems("it was impossible")) == 1
    assert count_opposites(stems("largest or smallest"), stems("largest and smallest")) == 0
    assert is_negated(stems("it never rains"))
    assert not is_negated(stems("it rains"))


def test_related_forms_of_a_word_are_found() -> None:
    words = QuestionWords("Who led the Norman invasion of 1066?", {}, 5.0)

    found = dict(zip(words.stems, words.found_in(read_words("Normans invaded in 1066")).tolist(), strict=True))
    assert found == {"led": False, "norman": True, "invas": True, "1066": True}
    assert [s for s, name in zip(words.stems, words.is_name, strict=True) if name] == ["norman"]
    assert [s for s, number in zip(words.stems, words.is_number, strict=True) if number] == ["1066"]
