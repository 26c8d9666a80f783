"""The studies that there are."""

import pytest

from app.lab import catalogue
from app.lab.catalogue import STUDIES, TITLES, Lab
from app.services import Services
from pipeline.errors import InputError, Unavailable


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_is_offered_by_its_own_name_and_title(name: str, services: Services) -> None:
    study = services.lab.study(name)
    assert (study.name, study.title) == (name, TITLES[name])
    assert study.about.endswith(".")


def test_study_that_there_is_not_is_named_with_those_that_there_are(services: Services) -> None:
    with pytest.raises(InputError, match=r"no study 'guess'.*profile"):
        services.lab.study("guess")


def test_study_whose_libraries_are_missing_says_so(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "STUDIES", {"planets": "app.lab.planets:PlanetStudy"})
    with pytest.raises(Unavailable, match=r"planets needs libraries .*app\.lab\.planets"):
        Lab(services.lab.parts).study("planets")
