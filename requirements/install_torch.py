"""Install the build of torch that pip takes on this machine, held to the hashes of torch.lock. Standard library only: nothing is there yet.

A build of the usual index that torch.lock does not name is refused. Of others (`+cpu`, a mirror's own) not all hashes are known, so one is
taken and that is said; with TORCH_HASHES=1 it is refused too. On Linux the usual build asks for libraries of CUDA, which are those of
cuda.lock; what another build with CUDA asks for is taken unchecked, and said, too.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

LOCK, LIBRARIES = Path(__file__).with_name("torch.lock"), Path(__file__).with_name("cuda.lock")
PIP = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps")


def main() -> int:
    """Look which build it is, and install it; returns what the process leaves with."""
    text = LOCK.read_text("utf-8")
    wanted = re.findall(r"^torch==\S+", text, re.MULTILINE)[0]
    asked = subprocess.run(
        [*PIP, "--dry-run", "--ignore-installed", "--report", "-", wanted], stdout=subprocess.PIPE, check=False
    )
    if asked.returncode:
        return asked.returncode
    version, digest = build(json.loads(asked.stdout))
    said = judge(
        version, digest, set(re.findall(r"sha256:([0-9a-f]{64})", text)), os.environ.get("TORCH_HASHES") == "1"
    )
    if said:
        sys.stderr.write(said + "\n")
    if said.startswith("Refused"):
        return 1
    return install(version, digest) or install_libraries(version)


def install(version: str, digest: str | None) -> int:
    """Install the build of that hash; returns what pip leaves with."""
    if digest is None:
        return subprocess.run([*PIP, f"torch=={version}"], check=False).returncode
    with tempfile.TemporaryDirectory() as scratch:
        exact = Path(scratch) / "torch.txt"
        exact.write_text(f"torch=={version} --hash=sha256:{digest}\n")
        return subprocess.run([*PIP, "--require-hashes", "-r", str(exact)], check=False).returncode


def install_libraries(version: str) -> int:
    """Install what a build with CUDA asks for, which the other lock files leave out; returns what pip leaves with."""
    match libraries(version, sys.platform):
        case "locked":
            return subprocess.run([*PIP, "--require-hashes", "-r", str(LIBRARIES)], check=False).returncode
        case "unknown":
            sys.stderr.write(f"Taken unchecked: the libraries of CUDA that torch {version} asks for.\n")
            return subprocess.run(
                [*(each for each in PIP if each != "--no-deps"), f"torch=={version}"], check=False
            ).returncode
    return 0


def libraries(version: str, platform: str) -> str:
    """Whether a build asks for libraries beside it: `locked` those of cuda.lock, `unknown` others, `none`."""
    if "+cu" in version:
        return "unknown"
    return "locked" if "+" not in version and platform == "linux" else "none"


def build(report: dict) -> tuple[str, str | None]:
    """Version and SHA-256 of the one package in a report of pip; None where the index does not say it."""
    taken = report["install"][0]
    return taken["metadata"]["version"], taken["download_info"]["archive_info"].get("hashes", {}).get("sha256")


def judge(version: str, digest: str | None, known: set[str], strict: bool) -> str:
    """What is to be said of a build: empty if it is known, else a sentence, which begins with `Refused` if it may not be installed."""
    if digest in known:
        return ""
    about = f"torch {version} with SHA-256 {digest or 'not said'} is not in {LOCK.name}"
    if strict or "+" not in version:
        return f"Refused: {about}. Look whence pip takes it (`pip config list`); if it is right, add its hash there."
    return f"Taken unchecked: {about}. Add its hash there to have it held to."


if __name__ == "__main__":
    sys.exit(main())
