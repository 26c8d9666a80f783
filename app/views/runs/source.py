"""Where the questions of a run come from: the built-in ones, a kept dataset, a file, the Hugging Face hub, or feedback on traces."""

import hashlib
from collections.abc import Mapping

import streamlit as st

from app.runs.feedback import FeedbackDataset, feedback_words
from app.views.kit import address, state
from app.views.kit.html import note_html, show
from app.views.kit.markdown import message
from evaluation.datasets import BUILTIN
from evaluation.hub import PREFIX, is_readable
from pipeline.errors import InputError

FORMATS = ["json", "jsonl", "csv"]

UNREADABLE = (
    "Raglass reads the hub with the package `datasets`, which is not installed here. Whoever runs Raglass can install it: "
    "`pip install datasets`. Questions in a file need no package."
)
"""Why nothing of the hub can be asked."""

KINDS = BUILT_IN, KEPT, FILE, HUB, FEEDBACK = "Built in", "A dataset", "A file", "Hugging Face", "Rated answers"


def source_fields() -> Mapping[str, address.Field]:
    """What is kept of the choice in the address: its kind, the kept dataset, and the id at the hub. A file is chosen again."""
    named = bool(st.query_params.get("questions"))
    return {
        "questions_from": address.choice(KINDS, KEPT if named else BUILT_IN),
        "questions": address.Field(None, lambda texts: texts[0] or None),  # looked up where it is chosen
        "questions_id": address.words(),
    }


class Source:
    """What is chosen; `settle` turns it into a dataset that a run can be gone on with."""

    def __init__(self) -> None:
        """Show the choice, and keep it in the address."""
        write = address.follow("source", source_fields())
        self._file = None
        self._name = self._kept = ""
        self._feedback: FeedbackDataset | None = None
        self.kind = (
            st.segmented_control("Questions", KINDS, key="questions_from", on_change=write, required=True) or BUILT_IN
        )
        if self.kind == FILE:
            self._file = st.file_uploader(
                "SQuAD v2 JSON, or CSV or JSONL with question, answer, type and context",
                type=FORMATS,
                max_upload_size=state.services().settings.max_file_mb,
            )
        elif self.kind == HUB:
            self._name = st.text_input(
                "Id of a dataset with question and answers",
                key="questions_id",
                on_change=write,
                placeholder="rajpurkar/squad_v2@validation",
                width=420,
            )
            if self.refusal:
                st.info(message(self.refusal), icon=":material/info:")
        elif self.kind == FEEDBACK:
            self._show_feedback()
        elif self.kind == KEPT:
            self._show_kept(write)

    def _show_kept(self, write: address.Write) -> None:
        """Every version that can be asked; that which the address names, else the first."""
        kept = state.services().evaluations.datasets
        specs = [each.spec for name in kept.names() for each in kept.versions(name) if each.labelled]
        if st.session_state["questions"] not in specs:
            st.session_state["questions"] = next(iter(specs), None)
        self._kept = (
            st.selectbox(
                "Dataset", specs, key="questions", on_change=write, placeholder="none can be asked yet", width=420
            )
            or ""
        )

    def _show_feedback(self) -> None:
        self._feedback = state.services().evaluations.feedback()
        show(note_html(feedback_words(self._feedback)))
        show(
            note_html(
                "A praised answer is right; so is what a note says after “Right:” (several separated by |; “Right: none” if the documents "
                "have no answer). Answers are rated where a trace is open."
            )
        )
        if self._feedback.problems:
            with st.expander("What was left out or decided"):
                for problem in self._feedback.problems[:100]:
                    show(note_html(problem))

    @property
    def refusal(self) -> str:
        """Why nothing that is chosen here can be asked; empty where that is not known."""
        return UNREADABLE if self.kind == HUB and not is_readable() else ""

    @property
    def key(self) -> str:
        """Tells one choice from another without reading it."""
        if self.kind == FILE:
            return f"{FILE} {None if self._file is None else self._file.file_id}"
        if self.kind == KEPT:
            return f"{KEPT} {self._kept}"
        if self._feedback is not None:
            return f"{FEEDBACK} {hashlib.sha256(self._feedback.to_jsonl().encode()).hexdigest()}"
        return f"{self.kind} {self._name.strip()}"

    def settle(self) -> str:
        """The dataset. Raises InputError where nothing is chosen, or it cannot be asked."""
        evaluations = state.services().evaluations
        if self.kind == FILE:
            if self._file is None:
                raise InputError("No file is chosen. Choose one, or ask the built-in questions.")
            return str(evaluations.keep_dataset(self._file.name, self._file.getvalue()))
        if self.kind == HUB:
            spec = f"{PREFIX}{self._name.strip().removeprefix(PREFIX)}"
            state.services().premises.check_name(spec)
            return spec
        if self.kind == KEPT:
            if not self._kept:
                raise InputError(
                    "No dataset is chosen. Make one on the Traces page or under Datasets, and give it expected answers."
                )
            return evaluations.datasets.resolve(self._kept)
        if self._feedback is not None:
            if not self._feedback.rows:
                raise InputError("No trace has feedback that says what is right. Give some on the Traces page.")
            return str(evaluations.keep_dataset("feedback.jsonl", self._feedback.to_jsonl().encode()))
        return BUILTIN
