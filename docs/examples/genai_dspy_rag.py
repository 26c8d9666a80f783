"""A RAG application made with DSPy, told by OpenTelemetry's own instrumentation, seen in Raglass.

pip install dspy opentelemetry-instrumentation-genai-dspy opentelemetry-exporter-otlp-proto-http
python docs/examples/genai_dspy_rag.py
"""

import os

os.environ.setdefault(
    "LITELLM_LOCAL_MODEL_COST_MAP", "True"
)  # Or DSPy's client asks the internet for prices at its import.

import dspy
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.genai.dspy import DSPyInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from stand_in import DOCUMENTS, QUESTION, embed, start_model

os.environ.setdefault("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "SPAN_ONLY")  # Without it no text is sent.
os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "gen_ai_latest_experimental")
os.environ.setdefault("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:8501")
provider = TracerProvider(resource=Resource.create({"service.name": "genai-dspy-rag"}))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
DSPyInstrumentor().instrument(tracer_provider=provider)


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


model = start_model()
dspy.configure(
    lm=dspy.LM(f"openai/{model}", api_base=os.environ["OPENAI_BASE_URL"], temperature=0.0, cache=False), rm=search
)

with provider.get_tracer("genai-dspy-rag").start_as_current_span("ask") as span:
    print(Rag()(question=QUESTION).answer)
    print(f"{os.environ['OTEL_EXPORTER_OTLP_ENDPOINT']}/traces?trace={span.get_span_context().trace_id:032x}")
provider.shutdown()
