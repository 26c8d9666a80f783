"""Work that a page waits for: how far it is, and a button that stops it."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager

import streamlit as st

from app.views.kit.markdown import literal, message
from pipeline.errors import RaglassError

Tell = Callable[[int, int, str], None]
"""Called with how much is done, of how much, and words for it."""


@contextmanager
def shown_work(first: str, kept: str, key: str) -> Iterator[Tell]:
    """A bar with a Stop button for as long as the work goes on; a press ends the page's run there. kept: what becomes of what was done."""
    holder = st.empty()
    with holder.container():
        bar = st.progress(0.0, literal(first))
        st.button("Stop", icon=":material/stop:", help=kept, key=f"stop-{key}")

    def tell(done: int, total: int, words: str) -> None:
        bar.progress(done / max(total, 1), literal(words))

    try:
        yield tell
    finally:
        holder.empty()


def work_through(steps: Generator[tuple[int, int], None, None], first: str, words: str, key: str) -> bool:
    """Work on a run's answers to the end, keeping each; whether it got there. Shows how far it is, and why it did not.

    steps: how many are done, and of how many. words: with a place for each.
    """
    kept = "What is done is kept; the same button goes on from there."
    try:
        with closing(steps), shown_work(first, kept, key) as tell:
            for done, whole in steps:
                tell(done, whole, words.format(done, whole))
    except RaglassError as error:
        st.error(message(str(error)), icon=":material/error:")
        return False
    return True
