"""Our reliance of each token against inseq's pointwise cross-mutual information, on a planted model."""

import math
from typing import Any

import numpy as np
import pytest

from backends.local.research.generator import ResearchGenerator
from explain.attribution import reliance
from pipeline.prompts import DEFAULT
from tests.planted.claims import open_model
from tests.planted.worlds import Mechanism, Planted, plant

# inseq leaves a file of its own open while it is imported.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module")
def model(torch: Any) -> ResearchGenerator:
    return open_model(0)


def measure_pcxmi(model: ResearchGenerator, planted: Planted, answer: str) -> list[float]:
    """P-CXMI (Yin et al. 2021) of the answer's tokens with all chunks against none: bits, below 0 where the chunks help."""
    import inseq

    with_chunks, without = (DEFAULT.write(planted.question, chunks).text for chunks in (planted.chunks, ()))
    reader = inseq.load_model(model._model, "dummy", tokenizer=model._tokenizer)
    found = reader.attribute(
        with_chunks, answer, step_scores=["pcxmi"], contrast_sources=without, show_progress=False
    ).sequence_attributions[0]
    *bits, _end = found.step_scores["pcxmi"].tolist()
    return bits


@pytest.mark.parametrize("mechanism", Mechanism)
@pytest.mark.parametrize("more", ["", " Rome is in Ada"], ids=["its answer", "an answer of more words"])
def test_reliance_is_pcxmi_in_nats_and_with_the_other_sign(
    model: ResearchGenerator, mechanism: Mechanism, more: str
) -> None:
    planted = plant(mechanism, 0)
    answer = planted.answer + more
    bits = measure_pcxmi(model, planted, answer)
    nats = reliance(model.score(planted.question, [(), planted.chunks], answer).astype(np.float64))
    assert len(bits) == len(nats) == len(model.split_answer(answer))
    assert nats == pytest.approx(-math.log(2) * np.array(bits), abs=1e-4)
