"""A RAG application made with DSPy, seen in Raglass.

pip install dspy openinference-instrumentation-dspy opentelemetry-exporter-otlp-proto-http
python docs/examples/dspy_rag.py
"""

import os

from dspy_app import make_rag
from openinference.instrumentation.dspy import DSPyInstrumentor
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from stand_in import QUESTION

os.environ.setdefault("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:8501")
provider = TracerProvider(resource=Resource.create({"service.name": "dspy-rag"}))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
DSPyInstrumentor().instrument(tracer_provider=provider)

rag = make_rag()
with provider.get_tracer("dspy-rag").start_as_current_span("ask") as span:
    print(rag(question=QUESTION).answer)
    print(f"{os.environ['OTEL_EXPORTER_OTLP_ENDPOINT']}/traces?trace={span.get_span_context().trace_id:032x}")
provider.shutdown()
