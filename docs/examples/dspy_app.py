"""The application of the DSPy examples. It knows nothing of who tells of it."""

import os

os.environ.setdefault(
    "LITELLM_LOCAL_MODEL_COST_MAP", "True"
)  # Or DSPy's client asks the internet for prices at its import.

import dspy
from stand_in import DOCUMENTS, embed, start_model


def search(query: str, k: int) -> list[dspy.Prediction]:
    """The k texts that share most words with the question."""
    asked = embed(query)
    texts = [text for _, _, text in DOCUMENTS]
    texts.sort(key=lambda text: sum(a * b for a, b in zip(asked, embed(text), strict=True)), reverse=True)
    return [dspy.Prediction(long_text=text) for text in texts[:k]]


class Rag(dspy.Module):
    def __init__(self) -> None:
        super().__init__()
        self.retrieve = dspy.Retrieve(k=2)
        self.respond = dspy.ChainOfThought("context, question -> answer")

    def forward(self, question: str) -> dspy.Prediction:
        return self.respond(context=self.retrieve(question).passages, question=question)


def make_rag() -> Rag:
    """What answers a question from the two nearest documents."""
    model = start_model()
    dspy.configure(
        lm=dspy.LM(f"openai/{model}", api_base=os.environ["OPENAI_BASE_URL"], temperature=0.0, cache=False), rm=search
    )
    return Rag()
