"""A profile as tables, each under a title that says what is seen."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.kit.numbers import count, how_often, percent
from app.kit.wording import listed
from app.lab.tables import Column, Table
from evaluation.lab.profile import CHARS_A_TOKEN, MOST_OVERLAPS
from evaluation.lab.repeats import ALIKE, SHINGLE
from evaluation.summary import GROUPS

Data = Mapping[str, Any]

WHOSE = {
    "dataset": "the dataset's own documents",
    "corpus": "the backend's corpus",
    "none": "documents that are kept elsewhere and were not looked at",
}
"""Whose documents a dataset is asked over, in words."""


def profile_tables(result: Data) -> Sequence[Table]:
    """Those of the parts that are known, the most important first."""
    return tuple(_tables(result))


def _tables(result: Data) -> Iterator[Table]:
    if "questions" in result:
        yield lengths_table(result)
        yield types_table(result)
        if result["questions"]["groups"]:
            yield groups_table(result)
    if result.get("windows"):
        yield windows_table(result)
    if "repeats" in result:
        yield repeats_table(result)
        if any(kind["pairs"] for kind in result["repeats"]["kinds"]):
            yield pairs_table(result)
    if result.get("overlap"):
        yield overlap_table(result)
    if "questions" in result:
        yield extremes_table(result)


def lengths_table(result: Data) -> Table:
    """How long everything is, in words."""
    about = result["about"]
    found = [*result["questions"]["lengths"], *result.get("corpus", {}).get("lengths", [])]
    by_name = {each["name"]: each for each in found}
    parts = [f"half of the questions have {by_name['question']['median']:g} words or fewer"]
    if "chunk" in by_name:
        parts.append(f"half of the chunks {by_name['chunk']['median']:g}")
    columns = ("texts", "shortest", "median", "mean", "95 % within", "longest")
    kinds = ("count", "count", "number", "number", "number", "count")
    return Table(
        "lengths",
        f"{count(about['questions'], 'question')}: {listed(parts)}",
        (
            Column("in words"),
            *(Column(name, kind) for name, kind in zip(columns, kinds, strict=True)),  # type: ignore[arg-type]
        ),
        tuple(
            (each["name"], *(each[name] for name in ("texts", "least", "median", "mean", "p95", "most")))
            for each in found
        ),
        (
            f"Documents are {WHOSE[about['whose']]}; chunks are cut as {about['chunking']}. Where several answers are accepted, the "
            "first counts. Words are counted as the lexical index cuts them, also in scripts without spaces; a model’s tokens are "
            "more."
        ),
    )


SHARES = (
    Column("questions", "count"),
    Column("of all", "share"),
    Column("answerable", "share"),
    Column("words a question", "number"),
    Column("words an answer", "number"),
)


def types_table(result: Data) -> Table:
    """How many questions each type has."""
    about, types = result["about"], result["questions"]["types"]
    first = types[0]
    answerable = f"{percent(about['answerable'] / about['questions'], 1)} can be answered"
    title = f"{first['name']} is asked most, {how_often(first['questions'])} in {about['questions']:,}; {answerable}"
    froms = {
        "given": "the dataset names {}",
        "edited": "people chose {}",
        "agreed": "rules and classifier agree on {}",
        "unsure": "{} are unsure and count as untyped",
    }
    told = [froms[how].format(f"{many:,}") for how, many in about["types_from"].items()]
    return Table(
        "types",
        title,
        (Column("type"), Column("group"), *SHARES),
        tuple((each["name"], each["group"], *_shares(each, about["questions"])) for each in types),
        f"Of the types, {listed(told)}. A type takes at least five questions to be tested; with few, no run says much about it.",
    )


def groups_table(result: Data) -> Table:
    """How many questions each group of types has."""
    about, groups = result["about"], result["questions"]["groups"]
    largest = max(groups, key=lambda each: each["questions"])
    return Table(
        "groups",
        f"{percent(largest['questions'] / about['questions'], 1)} of the questions are of the group “{largest['name']}”",
        (Column("group"), Column("types"), *SHARES),
        tuple((each["name"], each["group"], *_shares(each, about["questions"])) for each in groups),
        f"The {len(GROUPS)} groups go by how much text an answer takes: a phrase, a sentence, an argument.",
    )


def _shares(each: Data, whole: int) -> tuple[Any, ...]:
    many = each["questions"]
    return many, many / whole, each["answerable"] / many, each["question_words"], each["answer_words"]


def windows_table(result: Data) -> Table:
    """What would not fit a model."""
    fits = result["windows"]
    worst = max(fits, key=lambda each: each["beyond"])
    asked = [each for each in fits if each["what"] != "whole document"]
    worst_asked = max(asked, key=lambda each: each["beyond"])
    if worst["beyond"] == 0:
        title = "Everything fits what the models read at once"
    elif worst_asked["beyond"] == 0:
        title = f"Everything fits as it is cut; {percent(worst['beyond'], 1)} of whole documents would not"
    else:
        title = f"{percent(worst_asked['beyond'], 1)} of “{worst_asked['what']}” do not fit {worst_asked['model']}"
    guessed = sorted({each["model"] for each in fits if not each["counted"]})
    how = (
        f" Of {listed(guessed)} no tokenizer is at hand: {CHARS_A_TOKEN} characters are taken for a token and 512 tokens for the window, "
        "which is too few tokens for most languages but English."
        if guessed
        else " Tokens are counted by the models' own tokenizers."
    )
    return Table(
        "windows",
        title,
        (
            Column("is given"),
            Column("does not fit", "share"),
            Column("95 % interval"),
            Column("window, tokens", "count"),
            Column("texts", "count"),
            Column("median, tokens", "number"),
            Column("95 % within", "number"),
            Column("longest", "count"),
            Column("model"),
        ),
        tuple(
            (
                each["what"],
                each["beyond"],
                f"{each['low'] * 100:.1f} to {percent(each['high'], 1)}" if each["drawn"] else "all counted",
                *(each[name] for name in ("window", "texts", "median", "p95", "most", "model")),
            )
            for each in fits
        ),
        (
            "What does not fit is cut off; the embedded profile’s embedder reads it in several windows and averages them; a "
            "generator leaves out the worst chunks. Questions stand with random chunks, since nothing is asked yet."
        )
        + how,
    )


def repeats_table(result: Data) -> Table:
    """What comes twice."""
    repeats = result["repeats"]
    kinds = repeats["kinds"]
    told = [
        f"{count(each['exact'], each['name'])} word for word and {each['near_texts']:,} nearly"
        for each in kinds
        if each["exact"] or each["near_texts"]
    ]
    many = repeats["disagreeing"]
    again = (
        f" {count(many, 'question')} {'comes' if many == 1 else 'come'} again with an answer that shares nothing."
        if many
        else ""
    )
    limits = [each["name"] for each in kinds if each["drawn"] or not each["complete"]]
    cut = (
        f" Of the {listed([f'{name}s' for name in limits])} only a part was looked through: there may be more."
        if limits
        else ""
    )
    return Table(
        "repeats",
        f"Comes again: {listed(told)}" if told else "Nothing comes twice",
        (
            Column("texts"),
            Column("looked through", "count"),
            Column("word for word again", "count"),
            Column("in a nearly equal pair", "count"),
        ),
        tuple((f"{each['name']}s", each["texts"], each["exact"], each["near_texts"]) for each in kinds),
        (
            f"Nearly equal: the two share {percent(ALIKE)} or more of their runs of {SHINGLE} words. Repeated texts make recall "
            "look worse than it is: one copy is the right chunk, the others count as wrong. An index drops chunks that are the "
            f"same word for word.{again}{cut}"
        ),
    )


def pairs_table(result: Data) -> Table:
    """The pairs that are most alike."""
    rows = [(kind["name"], *pair) for kind in result["repeats"]["kinds"] for pair in kind["pairs"]]
    return Table(
        "pairs",
        f"The most alike share {percent(max(row[3] for row in rows), 1)} of their runs of words",
        (Column("texts"), Column("one"), Column("other"), Column("shared", "share"), Column("begins")),
        tuple(rows),
        "At most five of each kind.",
    )


def overlap_table(result: Data) -> Table:
    """Words of questions in their gold chunk."""
    whole = result["overlap"][0]
    chance = "" if whole["other"]["value"] is None else f", and {percent(whole['other']['value'], 1)} in another one"
    return Table(
        "overlap",
        f"{percent(whole['gold']['value'], 1)} of a question's content words stand in the chunk that answers it{chance}",
        (
            Column("type"),
            Column("questions", "count"),
            Column("in the right chunk", "share", (4, 5)),
            Column("in another chunk", "share"),
        ),
        tuple(_overlap_row(each) for each in result["overlap"]),
        (
            "Content words, by their stems, without English function words. Where the share is high, a search for words finds the "
            "chunk as well as one for meaning, and the dataset says little about the embedder. Intervals are 95 %, over articles. "
            f"Of several chunks with the answer the one that shares most counts. Of a dataset with more than {MOST_OVERLAPS:,} "
            "questions, that many are drawn."
        ),
    )


def _overlap_row(each: Data) -> tuple[Any, ...]:
    gold = each["gold"]
    return each["name"], gold["questions"], gold["value"], each["other"]["value"], gold["low"], gold["high"]


def extremes_table(result: Data) -> Table:
    """The longest and the shortest."""
    found = [*result["questions"]["extremes"], *result.get("corpus", {}).get("extremes", [])]
    longest = max(found, key=lambda each: each["words"])
    return Table(
        "extremes",
        f"The longest {longest['name']} has {count(longest['words'], 'word')}",
        (Column("text"), Column("which"), Column("words", "count"), Column("id"), Column("begins")),
        tuple((each["name"], each["which"], each["words"], each["text_id"], each["text"]) for each in found),
        "Worth a look: what is very long or very short is often a heading, a table or a mistake.",
    )
