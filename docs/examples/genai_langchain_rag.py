"""A RAG application made with LangChain, told by OpenTelemetry's own instrumentation, seen in Raglass.

pip install langchain langchain-openai numpy opentelemetry-instrumentation-genai-langchain opentelemetry-exporter-otlp-proto-http
python docs/examples/genai_langchain_rag.py
"""

import os

from langchain_core.documents import Document
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnablePassthrough
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.genai.langchain import LangChainInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from stand_in import DOCUMENTS, QUESTION, start_model

os.environ.setdefault("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "SPAN_ONLY")  # Without it no text is sent.
os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "gen_ai_latest_experimental")
os.environ.setdefault("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:8501")
provider = TracerProvider(resource=Resource.create({"service.name": "genai-rag"}))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
LangChainInstrumentor().instrument(tracer_provider=provider)

model = start_model()
embeddings = OpenAIEmbeddings(model="stand-in-embedder", check_embedding_ctx_length=False)
store = InMemoryVectorStore(embeddings)
store.add_documents([Document(text, id=name, metadata={"title": title}) for name, title, text in DOCUMENTS])

prompt = ChatPromptTemplate.from_messages(
    [("system", "Answer from the context only.\n\n{context}"), ("user", "{question}")]
)


def join(documents: list[Document]) -> str:
    return "\n\n".join(document.page_content for document in documents)


chain = (
    {"context": store.as_retriever(search_kwargs={"k": 2}) | join, "question": RunnablePassthrough()}
    | prompt
    | ChatOpenAI(model=model, temperature=0)
    | StrOutputParser()
)

with provider.get_tracer("genai-rag").start_as_current_span("ask") as span:
    print(chain.invoke(QUESTION, config={"metadata": {"session_id": "example"}}))
    print(f"{os.environ['OTEL_EXPORTER_OTLP_ENDPOINT']}/traces?trace={span.get_span_context().trace_id:032x}")
provider.shutdown()
