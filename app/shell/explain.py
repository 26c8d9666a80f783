"""`raglass explain`: an explanation, a diagnosis and a report, in a shell."""

import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.shell.command import complain, json_option, opened, print_json, progress_line
from pipeline.errors import InputError, Unavailable
from pipeline.whole_files import write_whole

if TYPE_CHECKING:
    from app.services import Services
    from explain.attention import Picture
    from explain.counterfactuals import Diagnosed
    from explain.explained import Explained
    from explain.gold import Gold
    from explain.sources import Unit
    from pipeline.types import Trace

STOPPED = 130


@dataclass(frozen=True, slots=True)
class Looking:
    """Which attention is shown."""

    layer: int | None
    """From 1; None for the mean of all."""
    head: int | None
    """From 1; None for the mean of all."""

    @property
    def place(self) -> tuple[int | None, int | None]:
        """Layer and head, counted from 0."""
        return None if self.layer is None else self.layer - 1, None if self.head is None else self.head - 1

    def text(self, found: "Explained", picture: "Picture") -> str:
        """The picture for a terminal. Raises InputError for a layer or head that there is not."""
        from app.explaining.attention import picture_text  # which only this needs

        return picture_text(found, picture, *self.place)

    def to_dict(self, picture: "Picture") -> dict[str, Any]:
        """The same for a program."""
        from app.explaining.attention import picture_to_dict

        return picture_to_dict(picture, *self.place)


@click.command()
@click.argument("trace_id")
@click.option("--sentences", is_flag=True, help="Tell the chunks' sentences apart instead of the chunks.")
@click.option(
    "--gold",
    help="The right answer (several separated by |): say which stage is to blame, and try repairs. Of a run's trace it is known.",
)
@click.option("--article", default="", help="Title or id of the document that holds it.")
@click.option("--no-answer", is_flag=True, help="The documents have no answer: say whether abstaining was right.")
@click.option(
    "--report", type=click.Path(dir_okay=False, path_type=Path), help="Also write a page (HTML) to print or send."
)
@click.option(
    "--attention", is_flag=True, help="Also show the generator's attention by token, beside reliance (local/research)."
)
@click.option("--layer", type=click.IntRange(1), help="Attention of this layer, from 1; the mean of all otherwise.")
@click.option("--head", type=click.IntRange(1), help="Attention of this head, from 1; the mean of all otherwise.")
@click.option(
    "--stand-in",
    default="",
    metavar="BACKEND",
    help="Explain it with this backend, where the one that answered cannot score.",
)
@click.option(
    "--by-asking-again",
    is_flag=True,
    help="Ask the question again without each chunk, and see what the answer becomes: coarse, for models that cannot score one.",
)
@json_option
def explain(
    trace_id: str,
    sentences: bool,
    gold: str | None,
    article: str,
    no_answer: bool,
    report: Path | None,
    attention: bool,
    layer: int | None,
    head: int | None,
    stand_in: str,
    by_asking_again: bool,
    as_json: bool,
) -> None:
    """Say which chunks a stored trace's answer stands on, and whether that can be believed. Ctrl-C keeps what was scored."""
    with opened() as current:
        from app.traces.lookup import find_trace
        from explain.gold import Gold

        trace = find_trace(current.store, trace_id)
        if by_asking_again:
            from app.shell.asking_again import ask_without_each

            others = (sentences, gold, article, no_answer, report, attention, layer, head, stand_in)
            sys.exit(ask_without_each(current, trace, alone=not any(others), as_json=as_json))
        right = Gold.parse(gold or "", article, unanswerable=no_answer) if gold or no_answer or article else None
        status = explain_one(
            current,
            trace,
            "sentences" if sentences else "chunks",
            right,
            report,
            Looking(layer, head) if attention or layer or head else None,
            stand_in,
            as_json=as_json,
        )
        sys.exit(status)


def explain_one(
    current: "Services",
    trace: "Trace",
    unit: "Unit",
    gold: "Gold | None",
    report: Path | None,
    looking: Looking | None = None,
    stand_in: str = "",
    *,
    as_json: bool,
) -> int:
    """Explain a trace, diagnose it if the right answer is given or a run knows it, print both and write the report.

    looking: also show the attention, if it can be. stand_in: the backend to explain it with instead of the one that answered.
    Returns the status to leave with.
    """
    try:
        found = _explain(current, trace, unit, stand_in)
    except Unavailable as error:
        _show_grounding(trace, as_json=as_json)
        if stand_in or current.playground.why_not_as_recorded(trace) is not None:
            raise
        raise Unavailable(
            f"{error} Its question can be asked again without each chunk: raglass explain {trace.trace_id} --by-asking-again"
        ) from error
    if found is None:
        return STOPPED
    diagnosed = _diagnose(current, found, gold) if found.complete else None
    picture, blind = None, ""
    if looking is not None and found.complete:
        blind = current.explanations.why_no_picture(found) or ""
        picture = None if blind else _draw_picture(current, found, looking)
    _print(found, diagnosed, None if looking is None or picture is None else (looking, picture), as_json=as_json)
    if report is not None:
        from app.explaining.report import report_html  # which only a report needs

        _write(report, report_html(found, diagnosed, current.calibrations.of(found.trace)))
    if found.problem or blind:
        complain(found.problem or blind)
        return 1
    return 0 if found.complete else STOPPED


def _print(
    found: "Explained", diagnosed: "Diagnosed | None", seen: "tuple[Looking, Picture] | None", *, as_json: bool
) -> None:
    """The explanation, how the answer stands on its chunks, the diagnosis and the attention, as far as each is known."""
    from app.explaining.diagnosing import diagnosis_text, diagnosis_to_dict
    from app.explaining.grounded import grounded, grounding_text, grounding_to_dict
    from app.explaining.printed import explanation_text

    held = grounded(found) if found.complete else None
    if as_json:
        print_json(
            found.to_dict()
            | ({} if held is None else {"grounding": grounding_to_dict(held)})
            | ({} if diagnosed is None else {"diagnosis": diagnosis_to_dict(diagnosed)})
            | ({} if seen is None else {"attention": seen[0].to_dict(seen[1])})
        )
        return
    said = [*([] if diagnosed is None else [diagnosis_text(diagnosed)]), explanation_text(found)]
    said += [] if held is None else [grounding_text(held)]
    said += [] if seen is None else [seen[0].text(found, seen[1])]
    click.echo("\n\n".join(said))


def _show_grounding(trace: "Trace", *, as_json: bool) -> None:
    """What can be said of an answer that no backend scores: how it stands on the texts of its chunks. Nothing where they were not sent."""
    from app.explaining.grounded import grounded_trace, grounding_text, grounding_to_dict

    with suppress(InputError):
        shown = grounded_trace(trace)
        if as_json:
            print_json({"trace": trace.trace_id, "grounding": grounding_to_dict(shown)})
        else:
            click.echo(grounding_text(shown))


def _explain(current: "Services", trace: "Trace", unit: "Unit", stand_in: str) -> "Explained | None":
    """As far as it came; None if it was stopped before anything was scored."""
    found = None
    with suppress(KeyboardInterrupt), progress_line() as tell:
        for found in current.explanations.explain(trace, unit, stand_in):
            tell("{} of {} subsets scored".format(*found.scored))
    return found


def _draw_picture(current: "Services", found: "Explained", looking: Looking) -> "Picture | None":
    """As far as it came; None if it was stopped before anything was seen. Raises InputError for a layer or head that there is not."""
    picture = None
    with suppress(KeyboardInterrupt), progress_line() as tell:
        for picture in current.explanations.picture(found):
            picture.attention(*looking.place)
            tell(f"{len(picture.removed_nats)} of {len(picture.to_measure)} tokens taken out")
    return picture


def _diagnose(current: "Services", found: "Explained", gold: "Gold | None") -> "Diagnosed | None":
    """The diagnosis by what is given as right; else the one that is kept; else by what the run that asked knows."""
    diagnosed = current.explanations.diagnosis_of(found.trace.trace_id, found.stand_in) if gold is None else None
    right = gold or current.explanations.gold_of(found.trace.trace_id)
    if diagnosed is not None or right is None:
        return diagnosed
    with suppress(KeyboardInterrupt), progress_line() as tell:
        for diagnosed in current.explanations.diagnose(found, right):
            tell(f"{len(diagnosed.counterfactuals) + len(diagnosed.repairs)} trials made")
    return diagnosed


def _write(path: Path, html: str) -> None:
    try:
        write_whole(path, html)
    except OSError as error:
        raise InputError(
            f"The report could not be written to {path} ({error.strerror}). Choose another file."
        ) from error
    click.echo(f"Report written to {path}", err=True)
