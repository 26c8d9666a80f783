"""What the examples over OpenAI's client do between their spans. It knows nothing of who tells of it."""

import openai
from stand_in import DOCUMENTS


def embed(client: openai.OpenAI, texts: list[str]) -> list[list[float]]:
    found = client.embeddings.create(model="stand-in-embedder", input=texts, encoding_format="float")
    return [item.embedding for item in found.data]


def embed_documents(client: openai.OpenAI) -> list[list[float]]:
    return embed(client, [text for _, _, text in DOCUMENTS])


def find_best(
    client: openai.OpenAI, question: str, vectors: list[list[float]], top_k: int
) -> list[tuple[float, str, str, str]]:
    """(score, id, title, text) of the nearest documents."""
    [asked] = embed(client, [question])
    scores = [sum(a * b for a, b in zip(asked, vector, strict=True)) for vector in vectors]
    return sorted(((score, *document) for score, document in zip(scores, DOCUMENTS, strict=True)), reverse=True)[:top_k]


def answer(client: openai.OpenAI, model: str, question: str, texts: list[str]) -> str:
    """What the model makes of a question and these texts."""
    context = "\n\n".join(texts)
    messages = [
        {"role": "system", "content": f"Answer from the context only.\n\n{context}"},
        {"role": "user", "content": question},
    ]
    made = client.chat.completions.create(model=model, messages=messages, temperature=0)
    return made.choices[0].message.content
