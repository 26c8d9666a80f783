"""Fit the classifier of question types, write evaluation/question_types.json, and say how often it and the rules are right. Deterministic.

    python -m benchmarks.fit_question_types [--out PATH]

Fit split only: the built-in questions of the fit articles (benchmarks/labelled.py says which), and TEMPLATES filled with SUBJECTS. The
report split judges. The rules of evaluation/question_types.py were mended on the fit split alone, by someone who had read some of the
other's questions before.
"""

import argparse
import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.svm import LinearSVC

from benchmarks.labelled import Question, read_builtin
from corpus import QUESTION_TYPES
from evaluation.question_types import WEIGHTS_FILE, label_by_classifier, label_by_rules, split_grams

PENALTY = 1.0
"""C of the support vector machine."""

FEWEST = 2
"""Questions that a gram must occur in to be counted."""

DRAWN = 3
"""Subjects that each template is filled with."""

SUBJECTS = {
    "thing": (
        "the telescope", "the steam engine", "the comet", "penicillin", "the Eiffel Tower", "the treaty", "the printing press",
        "a volcano", "the opera", "the Suez Canal", "the compass", "the glacier", "a black hole", "the novel", "the Great Wall",
    ),
    "plural": ("bees", "earthquakes", "vaccines", "the Vikings", "stars", "whales", "batteries", "the pyramids", "sailors", "leaves"),
    "person": ("Galileo", "Marie Curie", "Napoleon", "Isaac Newton", "Mozart", "Ada Lovelace", "Columbus", "Cleopatra", "Darwin"),
    "done": (
        "invented", "discovered", "built", "painted", "launched", "destroyed", "opened", "published", "abandoned", "measured", "sold",
    ),
    "group": ("historians", "critics", "biologists", "economists", "engineers", "astronomers", "scholars", "doctors", "readers"),
    "term": ("photosynthesis", "inflation", "a fjord", "entropy", "a sonnet", "the Enlightenment", "a catalyst", "plate tectonics"),
}  # fmt: skip
"""What stands in for a template's names."""

TEMPLATES = {
    "DATE": (
        "When was {thing} {done}?", "In what year was {thing} {done}?", "In which year did {person} die?", "When did {person} leave?",
        "On what date was {thing} {done}?", "In which century was {thing} {done}?", "What year did {person} arrive?",
        "When did {plural} first appear?", "On which day was {thing} {done}?", "When will {thing} be {done}?",
        "What was the date of the first flight?", "In what month was {thing} {done}?", "Since when have {plural} been known?",
        "By what year had {thing} been {done}?", "In which decade did {plural} become common?", "When was {person} born?",
    ),
    "LOCATION": (
        "Where was {thing} {done}?", "In which city was {thing} {done}?", "In what country did {person} live?", "Where was {person} born?",
        "Where do {plural} live?", "In which town did {person} go to school?", "At which university did {person} teach?",
        "Where can {thing} be seen today?", "On which island was {thing} {done}?", "Where did {person} die?",
        "In which part of France is {thing}?", "From where did {plural} come?", "Near which river does {thing} stand?",
        "What city is {thing} in?", "In what place was {thing} {done}?", "Which country has the most {plural}?",
    ),
    "PERSON": (
        "Who {done} {thing}?", "Who was the first person to see {thing}?", "Which scientist {done} {thing}?", "By whom was {thing} {done}?",
        "Who is known as the father of {term}?", "Which woman {done} {thing}?", "Whose idea was {thing}?",
        "Who taught {person}?", "Which king ordered {thing} to be {done}?", "Who was {person} married to?",
        "Who wrote about {plural}?", "What is the name of the man who {done} {thing}?", "Which engineer designed {thing}?",
        "Who was the author of {thing}?", "With whom did {person} work?", "Which officer was in charge of {thing}?",
    ),
    "FACT": (
        "What is {term}?", "What are {plural}?", "What is meant by {term}?", "What does the word {term} mean?", "What was {thing}?",
        "What does {term} refer to?", "What is the meaning of {term}?", "What do geologists mean by {term}?", "What is {thing} made of?",
        "What is the definition of {term}?", "What were {plural} used for?", "What does it mean to say that {thing} is complete?",
        "What is the principle behind {thing}?", "What was the purpose of {thing} in its time?", "What does {thing} do?",
        "What is the difference between {term} and {thing}?",
    ),
    "REASON": (
        "Why was {thing} {done}?", "Why did {person} leave Paris?", "Why are {plural} so rare?", "For what reason was {thing} {done}?",
        "What caused {thing} to fail?", "Why do {plural} move?", "What made {person} famous?", "Why is {term} important?",
        "What led {person} to give up?", "On what grounds was {person} dismissed?", "What was the cause of the fire?",
        "Why does {thing} shine?", "What explains the loss of {plural}?", "What reason did {person} give for leaving?",
        "Why can {plural} not swim?", "Why had {thing} to be {done}?",
    ),
    "STATISTICS": (
        "How many {plural} are there?", "How much did {thing} cost?", "How long is {thing}?", "How tall is {thing}?",
        "What percentage of {plural} survive?", "How far did {person} travel?", "How old was {person}?", "How fast do {plural} move?",
        "At what temperature does {thing} melt?", "What is the population of Norway?", "How long did it take to build {thing}?",
        "How often do {plural} occur?", "How heavy is {thing}?", "What share of {plural} are female?", "How deep is the lake?",
        "What was the price of {thing}?",
    ),
    "ENTITY": (
        "Which ship carried {person}?", "What is the largest bird called?", "Which element is used in {thing}?",
        "Which book made {person} famous?",
        "What was the name of the ship that {person} sailed on?", "Which company {done} {thing}?", "What is the longest river in Asia?",
        "Which animal eats {plural}?", "By what name is {thing} better known?", "Which instrument did {person} play?",
        "What metal is {thing} made from?", "Which prize did {person} win?", "On which ship did {person} return?",
        "What nickname was given to {thing}?", "Which language did {person} write in?", "From which plant is {thing} made?",
    ),
    "PROCESS": (
        "How was {thing} {done}?", "How do {plural} find food?", "How does {thing} work?", "How did {person} measure the Earth?",
        "How are {plural} made?", "How is {term} taught?", "How does {term} come about?", "How did {plural} spread?",
        "How can {thing} be repaired?", "In what way was {thing} {done}?", "How did {person} escape?",
        "By what means is {thing} kept cool?",
        "How do {plural} form?", "How is {thing} tuned?", "How does a seed turn into a tree?", "How will {thing} come to its end?",
    ),
    "OPINION": (
        "What do some {group} think of {thing}?", "What do critics say about {thing}?", "How do many {group} view {person}?",
        "What was {person}'s opinion of {thing}?", "What complaint do {group} make about {thing}?", "What did {person} think of {person}?",
        "How do many {group} rate {thing}?", "What do some {group} argue about {plural}?", "What worries {group} about {thing}?",
        "What objection did {person} raise to {thing}?", "How did {person} feel about {thing}?",
        "What do many {group} believe about {term}?",
        "What was {person}'s view of {plural}?", "What fault do {group} find with {thing}?", "How highly do {group} regard {person}?",
        "On what grounds do some {group} deny that {person} was first?",
    ),
}  # fmt: skip
"""Questions of each type, for words that few built-in questions have."""


def main() -> None:
    """Fit, write and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=WEIGHTS_FILE)
    options = parser.parse_args()
    model = fit()
    options.out.write_text(to_json(model), encoding="utf-8")
    print(f"wrote {options.out.name}, {options.out.stat().st_size / 1e3:.0f} kB, {len(model[0].vocabulary_):,} grams")
    report(read_builtin().of_split("report"))


def fit() -> Pipeline:
    """TF-IDF and a linear support vector machine on the fit split and the templates."""
    built_in = read_builtin().of_split("fit")
    made = fill_templates()
    texts = [question.text for question in built_in] + [text for text, _ in made]
    types = [question.kind for question in built_in] + [kind for _, kind in made]
    grams = TfidfVectorizer(analyzer=split_grams, min_df=FEWEST, sublinear_tf=True)
    found: Pipeline = make_pipeline(grams, LinearSVC(C=PENALTY, random_state=0))
    return found.fit(texts, [QUESTION_TYPES.index(kind) for kind in types])


def fill_templates() -> list[tuple[str, str]]:
    """(question, type): each template DRAWN times, with subjects drawn by the template itself."""
    made = []
    for kind, templates in TEMPLATES.items():
        for template in templates:
            draw = random.Random(template)
            for _ in range(DRAWN):
                text = template.format(**{name: draw.choice(words) for name, words in SUBJECTS.items()})
                made.append((text[0].upper() + text[1:], kind))
    return list(dict.fromkeys(made))


def to_json(model: Pipeline) -> str:
    """The file's text: a line for each field, and one for each type's weights."""
    grams, machine = model[0], model[1]
    fields: dict[str, Any] = {
        "types": list(QUESTION_TYPES),
        "grams": grams.get_feature_names_out().tolist(),
        "idf": [round(value, 3) for value in grams.idf_.tolist()],
        "bias": [round(value, 4) for value in machine.intercept_.tolist()],
    }
    lines = [f"  {json.dumps(name)}: {json.dumps(value, separators=(',', ':'))}" for name, value in fields.items()]
    rows = [json.dumps([round(value, 3) for value in row], separators=(",", ":")) for row in machine.coef_.tolist()]
    lines.append('  "weights": [\n    ' + ",\n    ".join(rows) + "\n  ]")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def report(questions: Sequence[Question]) -> None:
    """Accuracy of each and of the share on which they agree, by the weights that the product loads."""
    by: dict[str, Callable[[str], str]] = {"rules": label_by_rules, "classifier": label_by_classifier}
    said = {name: [decide(question.text) for question in questions] for name, decide in by.items()}
    right = {name: [kind == q.kind for kind, q in zip(kinds, questions, strict=True)] for name, kinds in said.items()}
    print(f"held-out half: {len(questions)} questions")
    for name, hits in right.items():
        print(f"{name:<12} {sum(hits) / len(hits):.3f}")
    agreed = [hit for hit, a, b in zip(right["rules"], *said.values(), strict=True) if a == b]
    print(f"where they agree {sum(agreed) / len(agreed):.3f}, on {len(agreed) / len(questions):.1%} of the questions")


if __name__ == "__main__":
    main()
