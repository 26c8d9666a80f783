"""The application of the LangChain examples. It knows nothing of who tells of it."""

from langchain_core.documents import Document
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable, RunnablePassthrough
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from stand_in import DOCUMENTS, start_model


def join(documents: list[Document]) -> str:
    return "\n\n".join(document.page_content for document in documents)


def make_chain() -> Runnable[str, str]:
    """What answers a question from the two nearest documents."""
    model = start_model()
    embeddings = OpenAIEmbeddings(model="stand-in-embedder", check_embedding_ctx_length=False)
    store = InMemoryVectorStore(embeddings)
    store.add_documents([Document(text, id=name, metadata={"title": title}) for name, title, text in DOCUMENTS])
    prompt = ChatPromptTemplate.from_messages(
        [("system", "Answer from the context only.\n\n{context}"), ("user", "{question}")]
    )
    return (
        {"context": store.as_retriever(search_kwargs={"k": 2}) | join, "question": RunnablePassthrough()}
        | prompt
        | ChatOpenAI(model=model, temperature=0)
        | StrOutputParser()
    )
