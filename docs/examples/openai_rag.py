"""A hand-made RAG application over OpenAI's client, seen in Raglass. Its own steps are spans that say what they are.

pip install openai openinference-instrumentation-openai opentelemetry-exporter-otlp-proto-http
python docs/examples/openai_rag.py
"""

import json
import os

import openai
from openai_app import answer, embed_documents, find_best
from openinference.instrumentation.openai import OpenAIInstrumentor
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from stand_in import QUESTION, start_model

os.environ.setdefault("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:8501")
provider = TracerProvider(resource=Resource.create({"service.name": "openai-rag"}))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
OpenAIInstrumentor().instrument(tracer_provider=provider)
tracer = provider.get_tracer("openai-rag")

model = start_model()
client = openai.OpenAI()


def retrieve(question: str, vectors: list[list[float]], top_k: int) -> list[tuple[float, str, str, str]]:
    with tracer.start_as_current_span("retrieve") as span:
        best = find_best(client, question, vectors, top_k)
        span.set_attributes({"openinference.span.kind": "RETRIEVER", "input.value": question})
        for i, (score, name, title, text) in enumerate(best):
            document = f"retrieval.documents.{i}.document"
            span.set_attributes({f"{document}.id": name, f"{document}.content": text, f"{document}.score": score})
            span.set_attribute(f"{document}.metadata", json.dumps({"title": title}))
    return best


def ask(question: str, vectors: list[list[float]]) -> str:
    with tracer.start_as_current_span("ask") as span:
        span.set_attributes({"openinference.span.kind": "CHAIN", "input.value": question, "session.id": "example"})
        texts = [text for *_, text in retrieve(question, vectors, top_k=2)]
        said = answer(client, model, question, texts)
        span.set_attribute("output.value", said)
        print(said)
        print(f"{os.environ['OTEL_EXPORTER_OTLP_ENDPOINT']}/traces?trace={span.get_span_context().trace_id:032x}")
    return said


ask(QUESTION, embed_documents(client))
provider.shutdown()
