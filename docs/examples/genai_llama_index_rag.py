"""A RAG application made with LlamaIndex, told by OpenTelemetry's own instrumentation, seen in Raglass.

pip install llama-index-core llama-index-llms-openai-like opentelemetry-instrumentation-genai-llama-index \
    opentelemetry-instrumentation-genai-openai opentelemetry-exporter-otlp-proto-http
python docs/examples/genai_llama_index_rag.py
"""

import os

from llama_index.core import VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.schema import TextNode
from llama_index.llms.openai_like import OpenAILike
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.genai.llama_index import LlamaIndexInstrumentor
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from stand_in import DOCUMENTS, QUESTION, embed, start_model

os.environ.setdefault("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "SPAN_ONLY")  # Without it no text is sent.
os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "gen_ai_latest_experimental")
os.environ.setdefault("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:8501")
provider = TracerProvider(resource=Resource.create({"service.name": "genai-llama-index-rag"}))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
LlamaIndexInstrumentor().instrument(tracer_provider=provider)
OpenAIInstrumentor().instrument(tracer_provider=provider)  # Of the model; the other one tells of retrievers and agents.


class WordEmbedding(BaseEmbedding):
    def _get_text_embedding(self, text: str) -> list[float]:
        return embed(text)

    def _get_query_embedding(self, query: str) -> list[float]:
        return embed(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return embed(query)


llm = OpenAILike(model=start_model(), api_base=os.environ["OPENAI_BASE_URL"], is_chat_model=True, temperature=0)
nodes = [TextNode(id_=name, text=text, metadata={"title": title}) for name, title, text in DOCUMENTS]
index = VectorStoreIndex(nodes, embed_model=WordEmbedding(model_name="words"))
engine = index.as_query_engine(llm=llm, similarity_top_k=2)

with provider.get_tracer("genai-llama-index-rag").start_as_current_span("ask") as span:
    print(engine.query(QUESTION))
    print(f"{os.environ['OTEL_EXPORTER_OTLP_ENDPOINT']}/traces?trace={span.get_span_context().trace_id:032x}")
provider.shutdown()
