"""The field's terms and what they mean here: one list, for the "?" on pages and for docs/glossary.md."""

from collections.abc import Mapping

TERMS: Mapping[str, str] = {
    "abstention": "The generator says that the chunks hold no answer. Right where the documents have none.",
    "attention": "Where a language model looked while it wrote a token. It shows no cause: reliance does.",
    "attribution": "How an answer's probability is shared out among the chunks, or sentences, that it was written over.",
    "backend": "What answers questions: models on this machine, a stack on AWS, or an endpoint elsewhere.",
    "calibration": "Turning a score into a probability, by questions whose answers are known.",
    "chunk": "A piece of a document, a few sentences long: what is indexed, retrieved and read.",
    "confidence": "How sure the backend is of its answer; of an abstention, that there is none. Calibrated, it is a probability.",
    "corpus": "All documents that questions are answered from.",
    "cosine": "How alike two vectors are: 1 for the same direction, 0 for unrelated ones.",
    "dataset": "Questions with known answers, kept in versions.",
    "drift": "Questions, or their answers, are no longer like those of a reference period.",
    "embedder": "The model that turns a text into a vector, so that texts which mean alike lie near each other.",
    "embedding": "The vector of a text.",
    "exact match": "The answer equals the expected answer, apart from case, articles and punctuation.",
    "F1": "How far the words of the answer and of the expected answer are the same, from 0 to 1.",
    "generator": "What writes the answer from the question and the retrieved chunks.",
    "gold answer": "The known right answer to a question of a dataset; pages call it the expected answer.",
    "gold chunk": "A chunk that holds the right answer; pages call it a right chunk.",
    "index": "Where the chunks' vectors are searched for those nearest to a question's.",
    "interval": "The range in which the true figure lies, by a method that is right in 95 of 100 cases.",
    "judge": "A language model that marks answers. It can be wrong, too.",
    "misread": "A chunk with the right answer was read, yet the answer is wrong, even from that chunk alone. "
    "The field calls it a reader failure.",
    "nats": "The unit of log-probability: a change of 0.7 doubles or halves a probability.",
    "not found": "No chunk with the right answer was retrieved. The field calls it a retrieval miss.",
    "origin": "Who asked: a person, a run, a load test or another application.",
    "p value": "How often chance alone would make so large a difference. Adjusted (Holm) where many are tested at once.",
    "p50, p95, p99": "The time within which 50, 95 or 99 of 100 questions were answered.",
    "recall@k": "The share of questions for which a right chunk is among the first k retrieved. Of an index: the share of the "
    "true nearest chunks that it finds.",
    "reliance": "How much less probable the answer becomes without a chunk. It is measured, by asking again without it.",
    "reranking": "Putting the retrieved chunks in a better order by comparing each with the question once more.",
    "right": "The answer holds the expected answer, or abstains where there is none. What is not right is wrong, abstained "
    "wrongly or failed.",
    "run": "All questions of a dataset, asked and marked.",
    "session": "Questions of one conversation.",
    "Shapley value": "A chunk's fair share of an answer: its mean effect over all orders in which the chunks could have been given.",
    "span": "One timed piece of work within a trace, such as a stage or a call of a tool.",
    "stage": "One step from question to answer: embed, retrieve, rerank, generate; on AWS also gateway and network.",
    "token": "A piece of a word: what a language model reads and writes.",
    "top_k": "How many chunks are retrieved for a question. Pages call it “Chunks to retrieve”.",
    "trace": "All that one question caused: its answer, chunks, spans and settings.",
    "variance": "How much figures differ among each other. A share of it says how much of that one choice explains.",
}
"""Each term's meaning in a sentence or two, in the order of the alphabet."""


def explained(*terms: str) -> str:
    """The meanings of some terms, for what stands behind a "?". Raises KeyError for a term that there is not."""
    return " ".join(f"{term[0].upper()}{term[1:]}: {TERMS[term]}" for term in terms)


def to_markdown() -> str:
    """All of docs/glossary.md."""
    lines = ["# Glossary", "", "What terms mean in Raglass. The “?” on its pages says the same.", ""]
    return "\n".join([*lines, *(f"* **{term}**: {meaning}" for term, meaning in TERMS.items()), ""])
