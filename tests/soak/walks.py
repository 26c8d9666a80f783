"""What visitors do: which pages they open, and what they use there."""

import random
import threading
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, field

from streamlit.proto.WidgetStates_pb2 import WidgetState

from app.lab.catalogue import STUDIES
from benchmarks.bench_traces import EACH_SESSION
from benchmarks.seeding import RARE
from corpus import questions
from tests.soak.tab import Run, Tab, Widget, pressed, said, switched

PLACES: dict[str, tuple[int, str, tuple[str, ...]]] = {
    "Overview": (3, "", ("", "past=hour", "past=week")),
    "Ask": (2, "ask", ("",)),
    "Ask, a trace": (2, "ask", ("trace={asked}",)),
    "Compare": (1, "compare", ("",)),
    "Compare, traces": (1, "traces", ("trace={stored}&with={asked}",)),
    "Explain": (2, "explain", ("trace={asked}", "trace={stored}")),
    "Live": (3, "live", ("", "window=1+day", "window=15+min&asked_by=everyone")),
    "Traces": (2, "traces", ("",)),
    "Traces, found": (
        3,
        "traces",
        (
            "search=what",
            f"search={RARE.replace(' ', '+')}",
            "sort=slowest",
            "since=day",
            "outcome=failed",
            "tags=keep",
            "kinds=tool",
            "of_session=s{session}",
            "services=desk&models=model-b",
            "expression=latency_ms+%3E+2000",
        ),
    ),
    "Trace": (3, "traces", ("trace={stored}", "trace={asked}")),
    "Sessions": (1, "traces", ("list=sessions", "session=s{session}")),
    "Runs": (2, "runs", ("", "view=board")),
    "Run": (1, "runs", ("run={run}",)),
    "Datasets": (1, "runs", ("list=datasets",)),
    "Stability": (1, "stability", ("",)),
    "Lab": (1, "lab", tuple(f"study={name}" for name in STUDIES)),
    "Corpus": (1, "corpus", ("", "whose=Mine")),
    "Status": (1, "status", ("",)),
}
"""By name: how often of all, the page's path, and what stands in its address, one of them at random."""

ASKED, CHANGED, UPLOADED = 0.08, 0.3, 0.01
"""Shares of what visitors do: questions, something changed on the page that is open, files uploaded. The rest opens pages."""

KEPT_IDS = 200
"""Traces of questions asked that are remembered and opened again."""

FILES = 5
"""File names that are uploaded, each time with other content, so that the index stays as large as it is."""

CHANGEABLE = ("checkbox", "selectbox", "radio", "button_group", "tabs")
"""Kinds of widgets that are changed at random. Buttons are left alone: they start work, or delete."""

TRIED = 8
"""Choices of one widget that whoever looks round makes."""

LEFT_ALONE = ("local/research",)
"""Choices that nobody makes: models that a machine without a hub has not, which every page says, rightly, as an error."""


@dataclass
class Known:
    """What all visitors know of the store."""

    rows: int
    """Traces that it was seeded with; ids are numbers from 1."""
    runs: Callable[[], list[str]]
    """Ids of runs that there are."""
    asked: list[str] = field(default_factory=list)
    """Ids of traces of questions asked, the newest last."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, trace_id: str) -> None:
        """Remember a question's trace."""
        with self._lock:
            self.asked.append(trace_id)
            del self.asked[:-KEPT_IDS]


@dataclass(frozen=True, slots=True)
class Deed:
    """Something a visitor did."""

    name: str
    """Where it belongs in the table."""
    run: Run
    """What it came to."""


class Visitor:
    """Somebody with a tab open."""

    def __init__(self, tab: Tab, known: Known, chance: random.Random) -> None:
        self._tab, self._known, self._chance = tab, known, chance
        self.at = ""
        """Name of the place that is open; empty before the first."""

    def look_round(self) -> Iterator[Deed]:
        """A question, an upload, and every choice of every place once: what is loaded when it is first used is loaded then."""
        yield self.ask()
        yield self.upload()
        made: set[tuple[str, str, str]] = set()
        for name, (_, path, queries) in PLACES.items():
            self.at = name
            for query in queries:
                yield Deed(name, self._tab.open(path, self._filled(query)))
                while untried := self._untried(made):  # a choice may bring others
                    widget, choice = untried
                    made.add((name, widget.label, choice))
                    yield Deed(f"{name}: a change", self._tab.use(said(widget, choice)))

    def _untried(self, made: Container[tuple[str, str, str]]) -> tuple[Widget, str] | None:
        """Something to choose on the page that is open which was not chosen yet."""
        for widget in self._changeable():
            for choice in choices(widget)[:TRIED]:
                if (self.at, widget.label, choice) not in made:
                    return widget, choice
        return None

    def do_something(self) -> Deed:
        """One thing, at random. Raises what a tab raises."""
        drawn = self._chance.random()
        if not self.at or drawn >= ASKED + CHANGED + UPLOADED:
            return self.go()
        if drawn < ASKED:
            return self.ask()
        if drawn < ASKED + UPLOADED:
            return self.upload()
        return self.change()

    def go(self, name: str = "") -> Deed:
        """Open a place; at random if none is named."""
        weights = [weight for weight, _, _ in PLACES.values()]
        name = name or self._chance.choices(list(PLACES), weights)[0]
        _, path, queries = PLACES[name]
        query = self._filled(self._chance.choice(queries))
        self.at = name
        return Deed(name, self._tab.open(path, query))

    def ask(self) -> Deed:
        """Ask a question of the built-in corpus."""
        self.go("Ask")
        box, button = self._tab.find("text_input", "Question"), self._tab.find("button", "Ask")
        if box is None or button is None:
            raise LookupError("there is no box for a question")
        run = self._tab.use(said(box, self._chance.choice(questions()).question), pressed(button))
        trace_id = self._tab.query.rpartition("trace=")[2]
        if trace_id:
            self._known.note(trace_id)
        elif not run.problems:
            run.problems.append("a question was asked, and no trace is in the address")
        return Deed("a question", run)

    def change(self) -> Deed:
        """Change something on the page that is open."""
        usable = [widget for widget in self._changeable() if widget.kind == "checkbox" or choices(widget)]
        if not usable:
            return self.go()
        widget = self._chance.choice(usable)
        return Deed(f"{self.at}: a change", self._tab.use(self._changed(widget)))

    def upload(self) -> Deed:
        """Add a document, in place of the one of that name."""
        self.go("Corpus")
        number = self._chance.randrange(FILES)
        box = self._tab.find("file_uploader", "Add documents")
        if box is None:
            raise LookupError("there is no box for files")
        lines = [f"Kiln {number} of the soak fired {self._chance.randrange(10**6)} tiles in a day." for _ in range(30)]
        run = self._tab.use(self._tab.upload(box, f"soak-{number}.txt", "\n\n".join(lines).encode()))
        replace = next((each for each in self._tab.widgets("radio") if "Replace" in each.options), None)
        if replace is not None:
            self._tab.use(said(replace, "Replace"))
        button = self._tab.find("button", "Add and index")
        if button is None:
            raise LookupError("what was uploaded cannot be added")
        then = self._tab.use(pressed(button))
        return Deed("an upload", Run(run.took_ms + then.took_ms, run.size_bytes, [*run.problems, *then.problems]))

    def _changeable(self) -> list[Widget]:
        return [
            widget
            for widget in self._tab.widgets()
            if widget.kind in CHANGEABLE and not widget.form and not widget.disabled
        ]

    def _changed(self, widget: Widget) -> WidgetState:
        if widget.kind == "checkbox":
            return switched(widget, self._chance.random() < 0.5)
        return said(widget, self._chance.choice(choices(widget)))

    def _filled(self, query: str) -> str:
        stored = f"{self._chance.randint(1, self._known.rows):032x}"
        asked, runs = self._known.asked, self._known.runs() if "{run}" in query else []
        return query.format(
            stored=stored,
            asked=self._chance.choice(asked) if asked else stored,
            session=self._chance.randrange(max(self._known.rows // EACH_SESSION, 1)),
            run=self._chance.choice(runs) if runs else "",
        )


def choices(widget: Widget) -> list[str]:
    """What may be chosen of it."""
    return [option for option in widget.options if option not in LEFT_ALONE]
