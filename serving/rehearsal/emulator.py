"""Starts the AWS emulator, patched, and says when it answers."""

from pathlib import Path

from serving.rehearsal.ports import LOOPBACK, free_port
from serving.rehearsal.processes import Child, clean_environ

REGION = "us-east-1"
ACCOUNT = "000000000000"
ROOT_KEY, ROOT_SECRET = "test", "test"
"""The account's root: what deploys."""

START_S = 60.0


def emulator_address() -> str:
    """An address for an emulator that is yet to start: the stand-ins are told it first."""
    return f"http://{LOOPBACK}:{free_port()}"


def start_emulator(
    address: str, *, python: Path, lambda_python: Path, folder: Path, auth: bool, environ: dict[str, str]
) -> Child:
    """Start it and wait until it answers.

    python, lambda_python: of the two environments. environ: what Lambdas see beside their own variables: the addresses of the
    stand-ins. Raises Unavailable with the end of its log, which names the patch point if one is missing.
    """
    scratch = folder / "emulator"
    scratch.mkdir(parents=True, exist_ok=True)
    settings = clean_environ(
        GATEWAY_PORT=address.rsplit(":", 1)[1],
        BIND_HOST=LOOPBACK,
        MINISTACK_HOST="localhost",
        MINISTACK_REGION=REGION,
        MINISTACK_ACCOUNT_ID=ACCOUNT,
        IOT_MTLS_ENABLED="0",
        LOG_LEVEL="WARNING",
        TMPDIR=str(scratch),
        STATE_DIR=str(scratch / "state"),
        S3_DATA_DIR=str(scratch / "s3"),
        AWS_ACCESS_KEY_ID=ROOT_KEY,
        AWS_SECRET_ACCESS_KEY=ROOT_SECRET,
        AWS_DEFAULT_REGION=REGION,
        AUTH="true" if auth else "false",
        RAGLASS_LAMBDA_PYTHON=str(lambda_python),
        **environ,
    )
    child = Child("emulator", [str(python), "-m", "serving.rehearsal.patches"], settings, folder)
    try:
        child.wait_until_ok(f"{address}/_ministack/health", START_S)
    except BaseException:
        child.stop()
        raise
    return child
