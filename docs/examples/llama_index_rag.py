"""A RAG application made with LlamaIndex, with a reranker, seen in Raglass.

pip install llama-index-core llama-index-llms-openai-like openinference-instrumentation-llama-index opentelemetry-exporter-otlp-proto-http
python docs/examples/llama_index_rag.py
"""

import os

from llama_index.core import QueryBundle, VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore, TextNode
from llama_index.llms.openai_like import OpenAILike
from openinference.instrumentation.llama_index import LlamaIndexInstrumentor
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from stand_in import DOCUMENTS, QUESTION, embed, start_model

os.environ.setdefault("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:8501")
provider = TracerProvider(resource=Resource.create({"service.name": "llama-index-rag"}))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
LlamaIndexInstrumentor().instrument(tracer_provider=provider)


class WordEmbedding(BaseEmbedding):
    def _get_text_embedding(self, text: str) -> list[float]:
        return embed(text)

    def _get_query_embedding(self, query: str) -> list[float]:
        return embed(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return embed(query)


class WordRerank(BaseNodePostprocessor):
    """Keeps the nodes that share most words with the question."""

    top_n: int = 2

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        dispatcher = get_dispatcher(__name__)
        dispatcher.event(ReRankStartEvent(query=query_bundle, nodes=nodes, top_n=self.top_n, model_name="words"))
        asked = set(query_bundle.query_str.lower().rstrip("?").split())
        scored = [NodeWithScore(node=n.node, score=float(len(asked & set(n.text.lower().split())))) for n in nodes]
        kept = sorted(scored, key=lambda node: node.score, reverse=True)[: self.top_n]
        dispatcher.event(ReRankEndEvent(nodes=kept))
        return kept


llm = OpenAILike(model=start_model(), api_base=os.environ["OPENAI_BASE_URL"], is_chat_model=True, temperature=0)
nodes = [TextNode(id_=name, text=text, metadata={"title": title}) for name, title, text in DOCUMENTS]
index = VectorStoreIndex(nodes, embed_model=WordEmbedding(model_name="words"))
engine = index.as_query_engine(llm=llm, similarity_top_k=4, node_postprocessors=[WordRerank()])

with provider.get_tracer("llama-index-rag").start_as_current_span("ask") as span:
    print(engine.query(QUESTION))
    print(f"{os.environ['OTEL_EXPORTER_OTLP_ENDPOINT']}/traces?trace={span.get_span_context().trace_id:032x}")
provider.shutdown()
