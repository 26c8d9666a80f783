"""Packages of the lock files, the bill of them, and what is known against them."""

import json
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest

from pipeline.errors import InputError
from serving.supply import advisories
from serving.supply.__main__ import main
from serving.supply.advisories import search_database
from serving.supply.bill import UNKNOWN, bill, licence_lines
from serving.supply.locks import FOLDER, Package, read_lock, read_locks

DIGEST = "ab" * 32
LOCK = f"""Some_Package[extra]==1.5 \\
    --hash=sha256:{DIGEST}
    # via somebody
other==2.0+cpu ; python_version > '3' \\
    --hash=sha256:{DIGEST}
"""


def written(folder: Path, text: str = LOCK) -> Path:
    path = folder / "made.lock"
    path.write_text(text)
    return path


def advisory(**affected: Any) -> dict[str, Any]:
    return {"id": "GHSA-1", "affected": [{"package": {"name": "some.package", "ecosystem": "PyPI"}, **affected}]}


def database(folder: Path, *entries: dict[str, Any]) -> Path:
    path = folder / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for place, entry in enumerate(entries):
            archive.writestr(f"{place}.json", json.dumps(entry))
    return path


def between(*events: dict[str, str]) -> dict[str, Any]:
    return advisory(ranges=[{"type": "ECOSYSTEM", "events": list(events)}])


def test_a_lock_file_is_read_with_names_versions_and_hashes(tmp_path: Path) -> None:
    assert read_lock(written(tmp_path)) == [
        Package("some-package", "1.5", (DIGEST,), ("made",)),
        Package("other", "2.0+cpu", (DIGEST,), ("made",)),
    ]


@pytest.mark.parametrize(("text", "said"), [("# nothing\n", "names no package"), ("a==1\n", "a without a hash")])
def test_a_lock_file_that_holds_nothing_to_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_lock(written(tmp_path, text))


def test_every_package_of_every_lock_file_has_a_hash() -> None:
    found = read_locks()
    assert {lock for package in found for lock in package.locks} == {path.stem for path in FOLDER.glob("*.lock")}


def test_the_bill_names_every_package_once_and_is_the_same_each_time(tmp_path: Path) -> None:
    packages = read_locks([written(tmp_path)])
    made = bill(packages, lambda name: "MIT" if name == "other" else UNKNOWN)
    assert (made["bomFormat"], made["specVersion"]) == ("CycloneDX", "1.6")
    assert [each["purl"] for each in made["components"]] == ["pkg:pypi/other@2.0%2Bcpu", "pkg:pypi/some-package@1.5"]
    assert [each.get("licenses") for each in made["components"]] == [[{"license": {"name": "MIT"}}], None]
    assert made == bill(packages, lambda name: "MIT" if name == "other" else UNKNOWN)


def test_what_the_dashboard_is_installed_with_says_its_licence() -> None:
    lines = licence_lines(read_locks([FOLDER / "run.lock"]))
    assert [line for line in lines if line.endswith(f"\t{UNKNOWN}")] == []


@pytest.mark.parametrize(
    ("entry", "hit"),
    [
        (advisory(versions=["1.5"]), True),
        (advisory(versions=["1.4"]), False),
        (between({"introduced": "0"}, {"fixed": "1.6"}), True),
        (between({"introduced": "0"}, {"fixed": "1.5"}), False),
        (between({"introduced": "1.5"}), True),
        (between({"introduced": "1.6"}, {"last_affected": "1.9"}), False),
        (between({"introduced": "1.0"}, {"last_affected": "1.5"}), True),
        (between({"introduced": "0"}, {"fixed": "1.0"}, {"introduced": "1.4"}, {"fixed": "1.5.1"}), True),
        (between({"introduced": "not a version"}), True),
        (advisory(versions=["1.5"]) | {"withdrawn": "2026-01-01T00:00:00Z"}, False),
    ],
)
def test_an_advisory_counts_for_the_versions_that_it_names(tmp_path: Path, entry: dict[str, Any], hit: bool) -> None:
    other = advisory(versions=["9"])
    found = search_database(read_locks([written(tmp_path)]), database(tmp_path, entry, other))
    assert [each.advisory for each in found] == (["GHSA-1"] if hit else [])


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*given: Any, **more: Any) -> None:
        raise httpx.ConnectError("no route")

    monkeypatch.setattr(httpx.Client, "post", refuse)


@pytest.mark.usefixtures("no_network")
def test_an_audit_that_could_not_run_says_so_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", str(written(tmp_path))]) == 3
    told = capsys.readouterr().err
    assert "Not looked up: OSV could not be asked (ConnectError)" in told
    assert "the audit did not run, and has not passed" in told
    assert main(["audit", "--database", str(tmp_path / "none.zip"), str(written(tmp_path))]) == 3
    assert main(["audit", "--database", str(database(tmp_path)), str(written(tmp_path))]) == 3


def test_an_audit_fails_on_what_is_known_unless_it_is_accepted_for_now(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["audit", "--database", str(database(tmp_path, advisory(versions=["1.5"]))), str(written(tmp_path))]
    accepted = tmp_path / "accepted.toml"
    assert main(asked, accepted) == 1
    assert "some-package 1.5: GHSA-1 (in made)" in capsys.readouterr().out
    accepted.write_text('[GHSA-1]\nreason = "not reached"\nuntil = 2999-01-01\n')
    assert main(asked, accepted) == 0
    assert "1 accepted" in capsys.readouterr().out
    accepted.write_text('[GHSA-1]\nreason = "not reached"\nuntil = 2020-01-01\n')
    assert main(asked, accepted) == 1


def test_osv_is_asked_by_name_and_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def answer(self: httpx.Client, url: str, json: Any) -> httpx.Response:
        assert json["queries"][0] == {"package": {"name": "other", "ecosystem": "PyPI"}, "version": "2.0"}
        return httpx.Response(
            200, json={"results": [{"vulns": [{"id": "PYSEC-1"}]}, {}]}, request=httpx.Request("POST", url)
        )

    monkeypatch.setattr(httpx.Client, "post", answer)
    found = advisories.search_osv(read_locks([written(tmp_path)]))
    assert [(each.package.name, each.advisory) for each in found] == [("other", "PYSEC-1")]
