"""Install the build of torch that pip takes on this machine, held to the hashes of torch.lock. Standard library only: nothing is there yet.

A build of the usual index that torch.lock does not name is refused. Of others (`+cpu`, a mirror's own) not all hashes are known, so one is
taken and that is said; with TORCH_HASHES=1 it is refused too.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

LOCK = Path(__file__).with_name("torch.lock")
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
    if digest is None or said.startswith("Refused"):
        return 1 if said.startswith("Refused") else subprocess.run([*PIP, f"torch=={version}"], check=False).returncode
    with tempfile.TemporaryDirectory() as scratch:
        exact = Path(scratch) / "torch.txt"
        exact.write_text(f"torch=={version} --hash=sha256:{digest}\n")
        return subprocess.run([*PIP, "--require-hashes", "-r", str(exact)], check=False).returncode


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
