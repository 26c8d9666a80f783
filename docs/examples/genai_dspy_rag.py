"""A RAG application made with DSPy, told by OpenTelemetry's own instrumentation, seen in Raglass.

pip install dspy opentelemetry-instrumentation-genai-dspy opentelemetry-exporter-otlp-proto-http
python docs/examples/genai_dspy_rag.py
"""

import os

from dspy_app import make_rag
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.genai.dspy import DSPyInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from stand_in import QUESTION

os.environ.setdefault("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "SPAN_ONLY")  # Without it no text is sent.
os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "gen_ai_latest_experimental")
os.environ.setdefault("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:8501")
provider = TracerProvider(resource=Resource.create({"service.name": "genai-dspy-rag"}))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
DSPyInstrumentor().instrument(tracer_provider=provider)

rag = make_rag()
with provider.get_tracer("genai-dspy-rag").start_as_current_span("ask") as span:
    print(rag(question=QUESTION).answer)
    print(f"{os.environ['OTEL_EXPORTER_OTLP_ENDPOINT']}/traces?trace={span.get_span_context().trace_id:032x}")
provider.shutdown()
