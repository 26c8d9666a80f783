"""A RAG application made with LangChain, told by OpenTelemetry's own instrumentation, seen in Raglass.

pip install langchain langchain-openai numpy opentelemetry-instrumentation-genai-langchain opentelemetry-exporter-otlp-proto-http
python docs/examples/genai_langchain_rag.py
"""

import os

from langchain_app import make_chain
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.genai.langchain import LangChainInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from stand_in import QUESTION

os.environ.setdefault("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "SPAN_ONLY")  # Without it no text is sent.
os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "gen_ai_latest_experimental")
os.environ.setdefault("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:8501")
provider = TracerProvider(resource=Resource.create({"service.name": "genai-rag"}))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
LangChainInstrumentor().instrument(tracer_provider=provider)

chain = make_chain()
with provider.get_tracer("genai-rag").start_as_current_span("ask") as span:
    print(chain.invoke(QUESTION, config={"metadata": {"session_id": "example"}}))
    print(f"{os.environ['OTEL_EXPORTER_OTLP_ENDPOINT']}/traces?trace={span.get_span_context().trace_id:032x}")
provider.shutdown()
