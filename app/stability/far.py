"""Stored questions far from those that were asked before them: what a dataset of what has changed is picked by."""

import numpy as np

from app.stability.drift import (
    CorpusOf,
    QuestionPlan,
    embed_traces,
    embedding_corpus,
    newest_traces,
    split_by_time,
)
from app.stability.steps import OnProgress, finish
from evaluation.novelty import find_far
from metrics.store import TraceStore


def find_far_traces(
    store: TraceStore, corpus_of: CorpusOf, plan: QuestionPlan, on_progress: OnProgress | None = None
) -> list[str]:
    """Ids of the later traces whose question is far from every one of the reference, the farthest first.

    Raises InputError for too few traces, and Unavailable where no embedder can be had; see `app.stability.drift.check_questions`.
    """
    traces, _ = newest_traces(store, plan)
    reference, windows = split_by_time(traces, plan)
    later = [trace for window in windows for trace in window]
    vector_of = finish(embed_traces(traces, embedding_corpus(corpus_of, plan.backend)), on_progress)
    # Once each: what is asked often would make the bound 1, and all others far.
    before = np.stack([vector_of[question] for question in dict.fromkeys(trace.question for trace in reference)])
    after = np.stack([vector_of[trace.question] for trace in later])
    return [later[place].trace_id for place in find_far(before, after).tolist()]
