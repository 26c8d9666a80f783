"""Names of the quality rules: what a score is kept under, and what an expression asks for."""

RULES = (
    "grounded",
    "cited",
    "abstained",
    "top_score",
    "answer_words",
    "confidence",
    "judged_relevance",
    "judged_sufficiency",
    "judged_faithfulness",
    "judged_answer",
)
"""Names of rules, by which an expression asks for what they say. What each means: `app.quality.rules`."""

JUDGED = "judged_"
"""What the names of rules begin with whose scores a model was asked for."""
