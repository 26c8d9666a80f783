"""A RAG application made with Haystack, seen in Raglass.

pip install haystack-ai openinference-instrumentation-haystack opentelemetry-exporter-otlp-proto-http
python docs/examples/haystack_rag.py
"""

import os

from haystack import Document, Pipeline
from haystack.components.builders import ChatPromptBuilder
from haystack.components.generators.chat import OpenAIChatGenerator
from haystack.components.rankers import MetaFieldRanker
from haystack.components.retrievers.in_memory import InMemoryBM25Retriever
from haystack.dataclasses import ChatMessage
from haystack.document_stores.in_memory import InMemoryDocumentStore
from openinference.instrumentation.haystack import HaystackInstrumentor
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from stand_in import DOCUMENTS, QUESTION, start_model

os.environ.setdefault("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:8501")
provider = TracerProvider(resource=Resource.create({"service.name": "haystack-rag"}))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
HaystackInstrumentor().instrument(tracer_provider=provider)

model = start_model()
store = InMemoryDocumentStore()
store.write_documents(
    [
        Document(id=name, content=text, meta={"title": title, "year": 2020 + i})
        for i, (name, title, text) in enumerate(DOCUMENTS)
    ]
)
template = [
    ChatMessage.from_system("Answer from the context only."),
    ChatMessage.from_user("{% for d in documents %}{{ d.content }}\n\n{% endfor %}{{ question }}"),
]

pipeline = Pipeline()
pipeline.add_component("retriever", InMemoryBM25Retriever(store, top_k=3))
pipeline.add_component("ranker", MetaFieldRanker(meta_field="year", weight=0.5, top_k=2))
pipeline.add_component("prompt", ChatPromptBuilder(template=template, required_variables="*"))
pipeline.add_component("model", OpenAIChatGenerator(model=model, generation_kwargs={"temperature": 0}))
pipeline.connect("retriever.documents", "ranker.documents")
pipeline.connect("ranker.documents", "prompt.documents")
pipeline.connect("prompt.prompt", "model.messages")

with provider.get_tracer("haystack-rag").start_as_current_span("ask") as span:
    found = pipeline.run({"retriever": {"query": QUESTION}, "prompt": {"question": QUESTION}})
    print(found["model"]["replies"][0].text)
    print(f"{os.environ['OTEL_EXPORTER_OTLP_ENDPOINT']}/traces?trace={span.get_span_context().trace_id:032x}")
provider.shutdown()
