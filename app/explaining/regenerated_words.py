"""An answer asked again without each chunk, in words: for a page, for a shell, for a program."""

import textwrap
from collections.abc import Sequence
from typing import Any

from app.explaining.regenerated import LIMIT_S, Regenerated, Reply, expected_use, plan_again
from app.explaining.words import chunk_name
from app.kit.costs import Spent, price_words, spent_to_dict, spent_words
from app.kit.numbers import MISSING, count, fixed, rough_time
from app.kit.plain import WIDTH, one_line, printable, shortened
from explain.confidence import SAME_F1
from metrics.token_costs import total_cost
from pipeline.types import Trace

HEADS = ("Left out", "Against the given answer", "Token F1", "What is said then")

ANSWER_CHARS = 200
"""Of an answer, in a list."""

CAVEAT = (
    "This is coarse: each question was asked once, there are no probabilities in it, and nothing is measured in nats. Two answers count as "
    f"the same from a token F1 of {SAME_F1:g} on, whatever their words mean; near it, another time may come out otherwise. Chunks that say "
    "the same hide each other: without either one the answer stays."
)


BY_RULE = "Without any chunk this backend gives no answer, and asks its model nothing."
"""Of backends whose generators abstain by themselves where there is nothing to read."""


def estimate_words(trace: Trace) -> str:
    """What asking again would take, before it is done. Raises InputError as `plan_again` does."""
    planned = plan_again(trace)
    seconds, uses = expected_use(planned)
    price = price_words(total_cost(uses))
    told = [count(len(planned.plan), "question"), f"about {rough_time(seconds)}", *([price] if price else [])]
    return f"{', '.join(told)}, if each takes what this answer took. At most {rough_time(LIMIT_S)}; nothing is kept as a trace."


def headline(found: Regenerated) -> str:
    """What leaving out a chunk does, in a sentence."""
    if found.unchanged is None:
        return "It is not known what the model says with nothing left out, so that no chunk's doing can be told from chance."
    if found.unchanged.changed:
        return "With nothing left out the model already answers otherwise than it did: what a single chunk does cannot be told from chance."
    rest = len(found.chunks) - len(found.deciding) - len(found.unknown)
    unknown = f" Of {_names(found, found.unknown, 'and')} it is not known." if found.unknown else ""
    if found.deciding:
        same = "; without any other it says the same" if rest and not unknown else ""
        return f"Without {_names(found, found.deciding, 'or')} the model {_otherwise(found)}{same}.{unknown}"
    if not rest:
        why = f" {BY_RULE}" if len(found.chunks) == 1 and _by_rule(found) else ""
        return f"Of no chunk is it known what the model says without it.{why}"
    single = (
        "the chunk" if len(found.chunks) == 1 else "any single chunk that was tried" if unknown else "any single chunk"
    )
    return f"Without {single} the model says the same.{unknown}"


def _names(found: Regenerated, places: tuple[int, ...], word: str) -> str:
    ranks = [str(found.chunks[place].rank) for place in places]
    if len(ranks) == 1:
        return f"chunk {ranks[0]}"
    return f"{'chunks' if word == 'and' else 'chunk'} {', '.join(ranks[:-1])} {word} {ranks[-1]}"


def _otherwise(found: Regenerated) -> str:
    replies = [found.without(place) for place in found.deciding]
    if all(reply is not None and reply.abstained for reply in replies):
        return "gives no answer"
    generation = found.trace.generation
    return "gives an answer" if generation is not None and generation.abstained else "answers otherwise"


def further_words(found: Regenerated) -> list[str]:
    """All that is to be said besides: the answer without any chunk, what failed, another model, what it took, and how coarse it is."""
    alone = found.without_any
    failed = [reply for reply in found.replies if reply.problem]
    cost = spent_words(Spent(found.uses))
    return [
        *([_alone_words(alone)] if alone is not None and found.is_steady and len(found.chunks) > 1 else []),
        *([BY_RULE] if _by_rule(found) and len(found.chunks) > 1 else []),
        *([_failed_words(failed)] if failed else []),
        *([found.problem] if found.problem else []),
        *(
            [f"The answer was given by {found.model_then}; asked again was {found.generator}."]
            if found.model_then
            else []
        ),
        f"Asked {count(found.calls, 'time')}.{f' {cost}' if cost else ''}",
        CAVEAT,
    ]


def _by_rule(found: Regenerated) -> bool:
    return any(reply.by_rule for reply in found.replies)


def _alone_words(reply: Reply) -> str:
    if reply.changed:
        said = "gives no answer" if reply.abstained else "answers otherwise"
        return f"Without any chunk it {said}: together they matter."
    return "Without any chunk it says the same: it needs none of them for this answer."


def _failed_words(failed: Sequence[Reply]) -> str:
    """What failed is told, and that nobody counted its tokens."""
    return f"{count(len(failed), 'question')} failed, whose tokens are not counted: {one_line(failed[0].problem)}"


def reply_rows(found: Regenerated) -> list[tuple[str, str, str, str]]:
    """A row of HEADS for each question that was asked."""
    return [
        (
            _left_out(found, reply),
            _verdict(reply),
            MISSING if reply.problem or reply.by_rule else fixed(reply.f1),
            shortened(one_line(reply.problem or reply.answer), ANSWER_CHARS) or MISSING,
        )
        for reply in found.replies
    ]


def _left_out(found: Regenerated, reply: Reply) -> str:
    if not reply.left_out:
        return "nothing"
    names = [f"{found.chunks[place].rank}. {chunk_name(found.chunks[place])}" for place in reply.left_out]
    return names[0] if len(names) == 1 else "all chunks"


def _verdict(reply: Reply) -> str:
    if reply.problem:
        return "failed"
    if reply.by_rule:
        return "the model was not asked"
    if reply.changed:
        return "no answer" if reply.abstained else "says something else"
    if reply.abstained:
        return "no answer either"
    return "the same words" if reply.same_words else "the same in other words"


def regenerated_text(found: Regenerated) -> str:
    """All of it for a terminal."""
    lines = [*textwrap.wrap(printable(headline(found)), WIDTH), ""]
    for left_out, verdict, f1, said in reply_rows(found):
        lines.append(printable(f"Left out {shortened(left_out, 40)}: {verdict}, token F1 {f1}"))
        lines += textwrap.wrap(printable(said), WIDTH, initial_indent="  ", subsequent_indent="  ")
    for said in further_words(found):
        lines += ["", *textwrap.wrap(printable(said), WIDTH)]
    return "\n".join(lines)


def regenerated_to_dict(found: Regenerated) -> dict[str, Any]:
    """JSON-ready; chunks are named by their ids."""
    ids = [chunk.chunk_id for chunk in found.chunks]
    return {
        "trace": found.trace.trace_id,
        "how": "asked again without each chunk",
        "headline": headline(found),
        "notes": further_words(found),
        "complete": found.complete,
        "steady": found.is_steady,
        "deciding": [ids[place] for place in found.deciding],
        "unknown": [ids[place] for place in found.unknown],
        "replies": [
            {
                "without": [ids[place] for place in reply.left_out],
                "answer": reply.answer,
                "abstained": reply.abstained,
                "same_words": reply.same_words,
                "token_f1": None if reply.problem or reply.by_rule else reply.f1,
                "changed": None if reply.problem or reply.by_rule else reply.changed,
                "model_asked": not reply.by_rule,
                "problem": reply.problem,
            }
            for reply in found.replies
        ],
        "generator": found.generator,
        "calls": found.calls,
        "cost": spent_to_dict(Spent(found.uses)),
    }


def progress_words(found: Regenerated) -> str:
    """How far it is."""
    return f"{len(found.replies)} of {len(found.plan)} questions asked again"


def button_words(trace: Trace) -> str:
    """What the button is called. Raises InputError as `plan_again` does."""
    return f"Ask again without each chunk ({count(len(plan_again(trace).plan), 'question')})"
