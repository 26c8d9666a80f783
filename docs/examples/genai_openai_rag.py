"""A hand-made RAG application over OpenAI's client, told by OpenTelemetry's own instrumentation, seen in Raglass.

pip install openai opentelemetry-instrumentation-genai-openai opentelemetry-exporter-otlp-proto-http
python docs/examples/genai_openai_rag.py
"""

import json
import os

import openai
from openai_app import answer, embed_documents, find_best
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from stand_in import QUESTION, start_model

os.environ.setdefault("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "SPAN_ONLY")  # Without it no text is sent.
os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "gen_ai_latest_experimental")
os.environ.setdefault("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:8501")
provider = TracerProvider(resource=Resource.create({"service.name": "genai-openai-rag"}))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
OpenAIInstrumentor().instrument(tracer_provider=provider)
tracer = provider.get_tracer("genai-openai-rag")

model = start_model()
client = openai.OpenAI()


def retrieve(question: str, vectors: list[list[float]], top_k: int) -> list[tuple[float, str, str, str]]:
    with tracer.start_as_current_span("retrieve") as span:
        best = find_best(client, question, vectors, top_k)
        documents = [{"id": name, "score": score, "title": title, "content": text} for score, name, title, text in best]
        span.set_attributes({"gen_ai.operation.name": "retrieval", "gen_ai.retrieval.query.text": question})
        span.set_attribute("gen_ai.retrieval.documents", json.dumps(documents))
    return best


def ask(question: str, vectors: list[list[float]]) -> str:
    with tracer.start_as_current_span("ask") as span:
        span.set_attributes({"gen_ai.operation.name": "invoke_workflow", "gen_ai.conversation.id": "example"})
        texts = [text for *_, text in retrieve(question, vectors, top_k=2)]
        said = answer(client, model, question, texts)
        print(said)
        print(f"{os.environ['OTEL_EXPORTER_OTLP_ENDPOINT']}/traces?trace={span.get_span_context().trace_id:032x}")
    return said


ask(QUESTION, embed_documents(client))
provider.shutdown()
