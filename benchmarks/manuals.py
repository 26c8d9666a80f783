"""Real manuals in the formats that people bring, out of the packages that Debian and Python's authors ship.

    python -m benchmarks.manuals FOLDER

Downloads about 80 MB with `apt-get download` and `pip download`, unpacks what is listed here and no more, and leaves each manual in a
folder of its own under FOLDER. The packages stay in FOLDER/.packages, so that a second call downloads nothing. Needs `apt-get` with fresh
lists (`apt-get update`), `dpkg-deb` and `pip`. Versions from the package index are pinned; Debian's are those of the release it runs on,
and the questions (`manual_questions.jsonl`) are about Debian 12.
"""

import argparse
import gzip
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Manual:
    """Some files of a package."""

    name: str
    """Of its folder; several packages may fill one."""
    package: str
    """Debian's name, or `name==version` of a source distribution on the package index."""
    root: str
    """Where in the package its files lie; a source distribution's own top folder left out. Paths below it are kept."""
    patterns: tuple[str, ...]
    """Of paths below the root, `*` going across folders; `.gz` is unpacked on the way."""
    but: tuple[str, ...] = ()
    """Of paths left out: lists of words, search pages, and what is there a second time as one page."""


DOC = "usr/share/doc"
MANUALS = (
    Manual(
        "policy",
        "debian-policy",
        f"{DOC}/debian-policy",
        ("policy.pdf.gz", "policy.txt.gz", "fhs/fhs-3.0.*", "policy.html/*.html", "policy.html/_sources/*"),
        ("*/genindex.html", "*/search.html"),
    ),
    Manual("handbook", "debian-handbook", f"{DOC}/debian-handbook/html/en-US", ("*.html",), ("ix*.html",)),
    Manual("debian-faq", "debian-faq", f"{DOC}/debian/FAQ", ("*.en.html", "*.en.pdf.gz", "*.en.txt.gz")),
    Manual(
        "developers-reference",
        "developers-reference",
        "usr/share/developers-reference",
        ("*.html", "*.pdf", "*.txt.gz", "_sources/*"),
        ("developers-reference.html", "search.html"),
    ),
    Manual("r", "r-doc-pdf", "usr/share/R/doc/manual", ("R-*.pdf",)),
    Manual("bash", "bash-doc", f"{DOC}/bash", ("bashref.pdf",)),
    Manual("gnutls", "gnutls-doc", f"{DOC}/gnutls-doc", ("gnutls.pdf",)),
    Manual("speex", "speex-doc", f"{DOC}/speex", ("manual.pdf.gz",)),
    Manual(
        "python",
        "python3.11-doc",
        f"{DOC}/python3.11/html",
        ("tutorial/*.html", "howto/*.html", "faq/*.html", "library/*.html", "_sources/tutorial/*"),
    ),
    Manual(
        "bind9", "bind9-doc", f"{DOC}/bind9-doc/arm", ("*.html",), ("genindex.html", "search.html", "changelog.html")
    ),
    Manual("git", "git-doc", f"{DOC}/git-doc", ("git*.html",)),
    Manual("rfc", "libogg-dev", f"{DOC}/libogg-dev/html", ("rfc*.txt.gz",)),
    Manual("rfc", "libvorbis-dev", f"{DOC}/libvorbis-dev/html", ("rfc*.txt.gz",)),
    Manual("rfc", "xml2rfc==2.23.0", "tests/valid", ("rfc????.txt",)),
    Manual("hatch", "hatch==1.18.2", "docs", ("*.md",)),
    Manual("black", "black==26.10.1", "docs", ("*.md",)),
    Manual("pymdown", "pymdown-extensions==13.1.2", "docs/src/markdown", ("*.md",)),
    Manual("markdown", "markdown==3.11.3", "docs", ("*.md",)),
    Manual("starlette", "starlette==1.10.0", "docs", ("*.md",)),
    Manual("mistune", "mistune==3.4.0", "docs", ("*.rst",)),
)


def main() -> int:
    """Download, unpack, tell; 1 if a package could not be had."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    packages = folder / ".packages"
    packages.mkdir(parents=True, exist_ok=True)
    missing = []
    for manual in MANUALS:
        package = download(manual.package, packages)
        if package is None:
            missing.append(manual.package)
            continue
        count = unpack(package, manual, folder / manual.name)
        print(f"{manual.name:22} {count:4} files of {package.name}", flush=True)
    if missing:
        print(
            f"Could not be downloaded: {', '.join(missing)}. This needs network, apt-get with lists (run `apt-get update`) on Debian 12, "
            "and pip. What could be is in place; run it again for the rest.",
            file=sys.stderr,
        )
    return 1 if missing else 0


def download(package: str, folder: Path) -> Path | None:
    """The package's file in `folder`, downloaded if it is not there; None where that fails, with the tool's last line on standard error."""
    name, _, version = package.partition("==")
    names = [f"{name}-{version}.tar.gz", f"{name.replace('-', '_')}-{version}.tar.gz"] if version else [f"{name}_*.deb"]
    command = (
        [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", name, package, "--dest", "."]
        if version
        else ["apt-get", "download", "--quiet", name]
    )
    if not _found(folder, names):
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            print(f"{package}: there is no {command[0]} on this machine", file=sys.stderr)
            return None
        if done.returncode:
            print(f"{package}: {(done.stderr.strip().splitlines() or ['failed'])[-1]}", file=sys.stderr)
    return _found(folder, names)


def _found(folder: Path, names: list[str]) -> Path | None:
    return next((path for name in names for path in sorted(folder.glob(name))), None)


def unpack(package: Path, manual: Manual, folder: Path) -> int:
    """Put a manual's files into its folder. Returns their number."""
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        if package.suffix == ".deb":
            subprocess.run(["dpkg-deb", "-x", str(package), name], check=True)
        else:
            with tarfile.open(package) as archive:
                archive.extractall(top, filter="data")
            (top,) = top.iterdir()
        root = top / manual.root
        paths = [(path, path.relative_to(root).as_posix()) for path in sorted(root.rglob("*")) if path.is_file()]
        chosen = [(path, inner) for path, inner in paths if wanted(inner, manual)]
        for path, inner in chosen:
            _copy(path, folder / inner)
    return len(chosen)


def wanted(path: str, manual: Manual) -> bool:
    """Whether a path below the root is one of the manual's."""
    return any(fnmatch(path, each) for each in manual.patterns) and not any(fnmatch(path, each) for each in manual.but)


def _copy(path: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".gz":
        with gzip.open(path) as packed, to.with_suffix("").open("wb") as plain:
            shutil.copyfileobj(packed, plain)
    else:
        shutil.copyfile(path, to)


if __name__ == "__main__":
    sys.exit(main())
