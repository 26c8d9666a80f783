"""What is no expression is told with the place, what was expected and what was probably meant; nothing takes long or deep to read."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.expressions.fields import describe_fields
from metrics.expressions.grammar import MAX_CHARS, parse
from metrics.expressions.reading import MAX_DEPTH, MAX_TERMS
from metrics.expressions.syntax import Claim, Either, Every, ExpressionError, Moment, Negated
from metrics.queries import TraceQuery
from pipeline.errors import InputError


def test_the_example_reads_as_three_questions_that_must_all_hold() -> None:
    node = parse('latency_ms > 2000 and stage.retrieve.top_score < .8 and "refund" in question')
    assert isinstance(node, Every)
    said = [(part.field.name, part.verb, part.values) for part in node.parts if isinstance(part, Claim)]
    assert said == [("latency_ms", ">", (2000.0,)), ("top_score", "<", (0.8,)), ("question", "contains", ("refund",))]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("latency_ms > 2000", 2000.0),
        ("latency_ms > 2s", 2000.0),
        ("stage.generate.ms > 1.5m", 90_000.0),
        ("top_score < -.5", -0.5),
        ("confidence > 1e-3", 0.001),
        ("asked_at > now", Moment(0.0, relative=True)),
        ("asked_at > NOW-2h", Moment(-7200.0, relative=True)),
        ("asked_at < 2026-10-01", Moment(1_790_812_800.0)),  # `date -u -d 2026-10-01 +%s`
        ("asked_at < 2026-10-01T12:30+02:00", Moment(1_790_812_800.0 + 10.5 * 3600)),
        ("tag = 'it'", "it"),
        (r"""tag = "a \"b\" \\ \n" """, 'a "b" \\ \\n'),
        ("kind = retriever", "retriever"),
        ('kind = "retriever"', "retriever"),
    ],
)
def test_a_value_is_read_in_the_unit_of_its_field(text: str, value: object) -> None:
    node = parse(text)
    assert isinstance(node, Claim)
    assert node.values == (value,)


def test_names_that_begin_like_a_word_of_the_grammar_are_names() -> None:
    for name in ("android", "notes", "index", "ornament", "nowhere"):
        with pytest.raises(ExpressionError, match=f"no field `{name}`"):
            parse(f"{name} = 1")


WRONG = {
    # text: (what is said, the place, counted from 1)
    "": ("is empty", 1),
    "latency > 5": ("did you mean `latency_ms`", 1),
    "LATENCY_MS > 5": ("did you mean `latency_ms`", 1),
    "abstained or feedback = up": ("did you mean `rating`", 14),
    "xyzzy = 1": ("no field `xyzzy`; docs/filters.md", 1),
    "stage.generate > 5": ("did you mean `stage.generate.ms`", 1),
    "latency_ms": ("alone is no question", 1),
    "latency_ms >": ("a number, .* found the end", 13),
    "latency_ms > 5 > 3": ("one comparison at a time", 16),
    "5 < latency_ms": ("The field stands on the left", 1),
    "latency_ms > 5)": ("found `\\)`", 15),
    "(latency_ms > 5": ("expected `\\)`", 16),
    "latency_ms > 5 latency_ms": ("expected .*`and`, `or` or the end", 16),
    "abstained $": ("found `\\$`", 11),
    '"refund': ("no closing quote", 1),
    'note is any and "refund in note': ("no closing quote", 17),
    '"refund"': ("expected `not` or `in`", 9),
    '"x" in backend': ("`backend` does not go with", 8),
    'text = "a"': ("`text` does not go with `=`", 6),
    "backend is none": ("`backend` does not go with `is`", 1),
    "latency_ms in (1, 2)": ("does not go with `in", 1),
    "asked_at = now": ("does not go with `=`", 10),
    "abstained = 1": ("stands alone", 11),
    "backend = local": ("stands in quotes", 11),
    "tag = 5": ('Write for example `tag = "vip"', 7),
    'latency_ms > "5"': ("nothing that `latency_ms` can be", 14),
    "rating = upp": ("it is up, down or none", 10),
    "confidence > 2h": ("is no time", 14),
    "asked_at > 2026-13-01": ("no such date", 12),
    "asked_at > now - 5": ("a span of time", 18),
    "latency_ms > 1e999": ("too large", 14),
    "asked_at > now - " + "9" * 400 + "w": ("too long", 18),
    'tag = ""': ("nothing between these quotes", 7),
    "error is Timeout": ("expected `none` or `any`", 10),
}


@pytest.mark.parametrize("text", WRONG)
def test_an_error_says_what_is_wrong_and_points_at_the_place(text: str) -> None:
    message, place = WRONG[text]
    with pytest.raises(ExpressionError, match=message) as caught:
        parse(text)
    assert f"at character {place}:" in caught.value.problem
    shown, caret = caught.value.excerpt.split("\n")
    if place <= len(text):
        assert shown[caret.index("^")] == text[place - 1]
    else:
        assert caret.index("^") == len(shown)


def test_the_place_is_shown_in_the_middle_of_a_long_expression() -> None:
    text = " or ".join([*["abstained"] * 40, "latency > 5", *["abstained"] * 40])
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    shown, caret = caught.value.excerpt.split("\n")
    assert shown[caret.index("^") :].startswith("latency > 5")
    assert len(shown) < 160


def test_lines_and_control_characters_do_not_move_the_caret() -> None:
    with pytest.raises(ExpressionError) as caught:
        parse("abstained\nor\t\x1b[31m foo = 1")
    assert len(caught.value.excerpt.split("\n")) == 2
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "not " * (MAX_DEPTH + 1) + "abstained",
        "(" * (MAX_DEPTH + 1) + "abstained" + ")" * (MAX_DEPTH + 1),
        "(" * 900 + "abstained" + ")" * 900,
        " or ".join(["abstained"] * (MAX_TERMS + 1)),
        "tag in (" + ", ".join(['"a"'] * MAX_TERMS) + ")",
        "abstained" + " " * MAX_CHARS,
    ],
    ids=["nots", "parentheses", "many parentheses", "questions", "values", "characters"],
)
def test_what_is_too_deep_or_too_long_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"at most|more than"):
        parse(text)


def test_what_is_just_within_the_bounds_is_read() -> None:
    assert isinstance(parse("not " * MAX_DEPTH + "abstained"), Negated)
    assert isinstance(parse(" or ".join(["abstained"] * MAX_TERMS)), Either)
    assert isinstance(parse("tag in (" + ", ".join(['"a"'] * (MAX_TERMS - 1)) + ")"), Claim)


PIECES = [*"()<>=!.,-\"'\\ 5h", "not ", "and ", "in ", "is ", "tag", "abstained", "now", "é", "\0", "\x1b"]


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
@pytest.mark.slow
def test_any_text_is_an_expression_or_an_input_error(text: str) -> None:
    with suppress(InputError):
        assert parse(text) is not None


@pytest.mark.parametrize("field", describe_fields(), ids=lambda field: field.name)
def test_the_example_of_each_field_is_an_expression_about_it(field: object) -> None:
    example = field.example  # type: ignore[attr-defined]
    parse(example)
    assert field.name.replace("<name>", "generate").replace("<rule>", "grounded") in example  # type: ignore[attr-defined]


def test_a_query_with_a_wrong_expression_cannot_be_made() -> None:
    with pytest.raises(ExpressionError, match="latency_ms"):
        TraceQuery(expression="latency > 5")
    assert not TraceQuery(expression="  ").filters
