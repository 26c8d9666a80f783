"""A RAG application made with LangChain, seen in Raglass.

pip install langchain-core langchain-openai numpy openinference-instrumentation-langchain opentelemetry-exporter-otlp-proto-http
python docs/examples/langchain_rag.py
"""

import os

from langchain_app import make_chain
from openinference.instrumentation.langchain import LangChainInstrumentor
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from stand_in import QUESTION

os.environ.setdefault("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:8501")
provider = TracerProvider(resource=Resource.create({"service.name": "langchain-rag"}))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
LangChainInstrumentor().instrument(tracer_provider=provider)

chain = make_chain()
with provider.get_tracer("langchain-rag").start_as_current_span("ask") as span:
    print(chain.invoke(QUESTION, config={"metadata": {"session_id": "example"}}))
    print(f"{os.environ['OTEL_EXPORTER_OTLP_ENDPOINT']}/traces?trace={span.get_span_context().trace_id:032x}")
provider.shutdown()
