"""The stack in rehearsal: what the orchestrator adds to its stages, what the Lambdas cost to start, how fast a corpus is ingested.

`python -m benchmarks.bench_aws [--questions 200] [--json]`

Everything runs on this machine (`serving/rehearsal`). The orchestrator's own cost is the way from question to reply less the
stages' times; it is compared with two bare Lambdas in the same emulator, of which one invokes the other and neither does anything.
"""

import argparse
import io
import json
import subprocess
import time
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import urllib3

import corpus
from backends.aws.pinecone_space import open_space
from backends.local.build import cut_documents
from backends.local.documents import builtin_documents
from backends.local.vectors import Seed, text_key
from serving.ingest import ingest
from serving.packing import build_lambda
from serving.rehearsal.environments import make_environment
from serving.rehearsal.session import Rehearsal, start

BARE = {
    "outer": "import boto3, json\nclient = boto3.client('lambda')\ndef handler(event, context):\n"
    "    client.invoke(FunctionName='bare-inner', Payload=b'{}')['Payload'].read()\n"
    "    return {'statusCode': 200, 'body': '{}'}\n",
    "inner": "def handler(event, context):\n    return {}\n",
}

START = """
import json, resource, sys, time
wall, cpu = time.perf_counter(), time.process_time()
import app
if hasattr(app, "service"): app.service()
print(json.dumps({"wall_ms": (time.perf_counter() - wall) * 1e3, "cpu_ms": (time.process_time() - cpu) * 1e3,
                  "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""
START_ENVIRON = {
    "EMBEDDER_ENDPOINT": "e",
    "GENERATOR_ENDPOINT": "g",
    "RESPONDER_FUNCTION": "r",
    "PINECONE_INDEX": "i",
    "PINECONE_API_KEY": "none",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_REGION": "us-east-1",
    "PATH": "/usr/bin:/bin",
}
STARTS = 5


def percentiles(values: list[float]) -> dict[str, float]:
    """p50 and p95."""
    return {"p50": float(np.percentile(values, 50)), "p95": float(np.percentile(values, 95))}


def measure_own_cost(rehearsal: Rehearsal, questions: int) -> dict[str, Any]:
    """Milliseconds from question to reply less the stages, beside those of two bare Lambdas, in turn."""
    deploy_bare(rehearsal)
    texts = [question.question for question in corpus.questions() if question.answerable][:questions]
    own: list[float] = []
    gateway: list[float] = []
    bare: list[float] = []
    with urllib3.PoolManager(retries=False) as pool:

        def post(path: str, data: Any) -> tuple[float, Any]:
            body = json.dumps(data).encode()
            headers = rehearsal.signed("POST", path, body)
            begun = time.perf_counter()
            reply = pool.request("POST", rehearsal.api_url + path, body=body, headers=headers, timeout=60)
            return (time.perf_counter() - begun) * 1000, reply.json()

        for path in ("/query", "/bare"):
            post(path, {"question": texts[0]})
        for text in texts:
            took_ms, reply = post("/query", {"question": text})
            stages_ms = sum(span["duration_ms"] for span in reply["trace"]["spans"])
            own.append(took_ms - stages_ms)
            gateway.append(reply["gateway_ms"] - stages_ms)
            bare.append(post("/bare", {})[0])
    above = [one - float(np.median(bare)) for one in own]
    return {
        "questions": len(texts),
        "own_ms": percentiles(own),
        "bare_ms": percentiles(bare),
        "above_bare_ms": percentiles(above),
        "inside_orchestrator_ms": percentiles(gateway),
        "ratio_p50": percentiles(own)["p50"] / percentiles(bare)["p50"],
    }


def deploy_bare(rehearsal: Rehearsal) -> None:
    """Two Lambdas that do nothing, behind the stack's own API at /bare."""
    functions, api = rehearsal.client("lambda"), rehearsal.client("apigatewayv2")
    role = functions.get_function(FunctionName=f"{rehearsal.stack}-orchestrator")["Configuration"]["Role"]
    arns = {}
    for name, code in BARE.items():
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("app.py", code)
        arns[name] = functions.create_function(
            FunctionName=f"bare-{name}",
            Runtime="python3.12",
            Handler="app.handler",
            Role=role,
            Code={"ZipFile": packed.getvalue()},
            MemorySize=512,
            Timeout=10,
        )["FunctionArn"]
    api_id = rehearsal.outputs["ApiId"]
    integration = api.create_integration(
        ApiId=api_id, IntegrationType="AWS_PROXY", IntegrationUri=arns["outer"], PayloadFormatVersion="2.0"
    )["IntegrationId"]
    api.create_route(ApiId=api_id, RouteKey="POST /bare", Target=f"integrations/{integration}")


def measure_start(name: str, python: Path) -> dict[str, float]:
    """Import and set-up of a Lambda in a process of its own: medians of STARTS, and the size of its zip."""
    package = build_lambda(name)
    found = []
    with TemporaryDirectory() as folder:
        with zipfile.ZipFile(io.BytesIO(package)) as archive:
            archive.extractall(folder)
        for _ in range(STARTS + 1):
            out = subprocess.run(
                [str(python), "-c", START], cwd=folder, env=START_ENVIRON, capture_output=True, check=True
            )
            found.append(json.loads(out.stdout))
    return {
        **{key: float(np.median([one[key] for one in found[1:]])) for key in found[0]},
        "zip_kb": len(package) / 1000,
    }


def measure_ingest(rehearsal: Rehearsal) -> dict[str, float]:
    """Chunks a second into a namespace of its own, out of committed vectors, and the same again with nothing changed."""
    rows = cut_documents(builtin_documents(), lambda progress: None).rows
    seed = Seed.load(Path(corpus.__file__).with_name("vectors.npz"))
    assert seed is not None

    def embed(texts: list[str]) -> Any:
        return np.array([seed.get(text_key(text)) for text in texts], np.float32)

    rates = []
    for _ in range(2):
        with open_space(rehearsal.outputs.get("Index", "raglass"), "bench", 384, environ=rehearsal.environ) as space:
            begun = time.perf_counter()
            ingest(rows, embed, space, embedder="bench", sleep=lambda seconds: None)
            rates.append(len(rows) / (time.perf_counter() - begun))
    return {"chunks": len(rows), "first_per_s": rates[0], "again_per_s": rates[1], "ratio": rates[1] / rates[0]}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args()
    python = make_environment("lambda")
    found: dict[str, Any] = {f"start_{name}": measure_start(name, python) for name in ("orchestrator", "responder")}
    with start() as rehearsal:
        found["own_cost"] = measure_own_cost(rehearsal, given.questions)
        found["ingest"] = measure_ingest(rehearsal)
    if given.json:
        print(json.dumps(found, indent=2))
        return
    for group, values in found.items():
        print(group)
        for name, value in values.items():
            shown = (
                ", ".join(f"{key} {one:.3g}" for key, one in value.items())
                if isinstance(value, dict)
                else f"{value:.4g}"
            )
            print(f"  {name:<24}{shown}")


if __name__ == "__main__":
    main()
