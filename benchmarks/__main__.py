"""`make bench`: every benchmark in turn, each in a process of its own."""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.labelled import SQUAD, VISITORS

HERE = Path(__file__).parent

QUICK = {
    "bench_embedder": ["--chunks", "5"],
    "bench_embedder_variants": ["--documents", "1", "--rounds", "1", "--only", "weights of 7 bits"],
    "bench_indexing": ["--documents", "1", "--pages", "3"],
    "bench_hostile": ["--only", "brackets", "far-cell"],
    "bench_readyz": ["--files", "minified.txt", "--seconds", "5"],
    "bench_synthetic": ["--count", "10", "--show", "3"],
    "bench_engines": ["--rounds", "1", "--tokens", "2"],
    "bench_aws": ["--questions", "20"],
    "bench_serverless": ["--questions", "3"],
    "bench_http": ["--calls", "50", "--questions", "40", "--delay-ms", "50"],
    "bench_store": ["--rows", "1000", "5000"],
    "bench_faiss": ["--size", "5000"],
    "bench_pgvector": ["--size", "2000", "--dim", "64"],
    "bench_index_study": ["--size", "3000", "--dim", "64", "--queries", "50"],
    "bench_study": ["--questions", "12", "--sample", "4", "--cells", "9", "--without", "embedder", "chunking"],
    "bench_eval": ["--pairs", "20", "--questions", "20"],
    "bench_pages": ["--rows", "1000", "5000"],
    "bench_ingest": ["--traces", "100", "--kill-traces", "200", "--settle", "15"],
    "bench_traces": ["--rows", "5000"],
    "bench_scale": ["--quick"],
    "bench_explain": ["--questions", "5"],
    "bench_context_cite": ["--questions", "1"],
    "bench_metrics": ["--questions", "1000", "--days", "1"],
    "bench_watch": ["--seconds", "5", "--rounds", "2", "--answers", "20"],
}


ANSWERS = {
    "processor seconds a chunk with its sentences": "bench_embedder",
    "other roundings of the embedder, no vectors of chunks: found, nearness, time, memory": "bench_embedder_variants",
    "ten PDFs of manuals, end to end": "bench_indexing",
    "manuals read: spaces, what is left of the pages' frames, speed, memory": "bench_documents FOLDER (from benchmarks.manuals FOLDER)",
    "questions about manuals: found, answered": "bench_manuals FOLDER",
    "hostile files: time, memory, what is said": "bench_hostile",
    "the dashboard's answers while it indexes hostile files": "bench_readyz",
    "visitors' questions handled rightly": "bench_visitors [--questions FILE]",
    "best sentence, span F1, AUROC, right, calibration, on SQuAD and built-in articles": "bench_quality --builtin --squad FILE",
    "traces of other applications taken in: lost, a second, the reply, beside Phoenix": "bench_ingest",
    "the Traces page at a million traces of six spans, each filter": "bench_traces",
    "every page and command at a million traces, plans of their queries; pages over a million chunks": "bench_scale",
    "a question, warm": "bench_latency",
    "questions written from the documents: kept, rejected, controls": "bench_synthetic",
    "serverless endpoints against those on instances, in rehearsal: before and after, the cold start": "bench_serverless",
    "an endpoint as a backend: own cost, share of the ideal in a run": "bench_http",
    "pgvector against FAISS": "bench_pgvector",
    "every index at 100,000 vectors: found of an exact search, time, memory": "bench_index_study",
    "a factorial of 36 cells against as many runs: seconds, memory": "bench_study",
    "quality scored: what an answer is held up, the lag, the charts": "bench_watch",
    "research models against the plain loop": "bench_engines",
}
"""Which benchmark prints which figure of the answers."""


def commands(squad: Path | None, manuals: Path | None, stores: Path, *, quick: bool) -> list[list[str]]:
    """Module and arguments of each benchmark. stores: where those over a seeded store share it."""
    shared = ["--folder", str(stores)]
    on_squad = ["--squad", str(squad)] if squad else []
    modules = [
        ["bench_store", *shared],
        ["bench_latency"],
        ["bench_embedder"],
        ["bench_embedder_variants"],
        ["bench_indexing"],
        *([["bench_documents", str(manuals)], ["bench_manuals", str(manuals)]] if manuals else []),
        ["bench_hostile"],
        ["bench_readyz"],
        ["bench_visitors"],
        *([["bench_visitors", "--questions", str(VISITORS)]] if VISITORS.exists() else []),
        ["bench_pages", *shared],
        ["bench_traces", *shared],
        ["bench_scale", "--traces", "10000", "100000", "--runs", "10", "100", "--chunks", "10000", "100000"],
        ["bench_ingest"],
        ["bench_metrics"],
        ["bench_watch"],
        ["bench_eval"],
        ["bench_aws"],
        ["bench_serverless"],
        ["bench_http"],
        ["bench_explain"],
        ["bench_context_cite", *on_squad],
        ["bench_quality", "--builtin", *on_squad],
        ["bench_calibration", *on_squad],
        ["bench_faiss"],
        ["bench_pgvector"],
        ["bench_index_study"],
        ["bench_study"],
        ["bench_engines"],
        ["bench_synthetic"],
    ]
    return [[*module, *(QUICK.get(module[0], []) if quick else [])] for module in modules]


def main() -> int:
    """Run them all; 1 if one failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--squad", type=Path, default=SQUAD if SQUAD.exists() else None, help="a SQuAD v2 JSON file")
    parser.add_argument("--manuals", type=Path, help="a folder of `python -m benchmarks.manuals FOLDER`")
    parser.add_argument("--folder", type=Path, help="keep seeded stores here, and use those already there")
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that every benchmark runs")
    arguments = parser.parse_args()
    if arguments.squad is None:
        print("No SQuAD file is at hand (--squad FILE): quality is measured on the built-in corpus alone.\n")
    if arguments.manuals is None:
        print("No manuals are at hand (--manuals FOLDER; `python -m benchmarks.manuals FOLDER` downloads them).\n")
    for figure, command in ANSWERS.items():
        print(f"{figure}: python -m benchmarks.{command}")
    print()
    failed = []
    stores = arguments.folder or Path(tempfile.mkdtemp(prefix="raglass-bench-"))
    for command in commands(arguments.squad, arguments.manuals, stores, quick=arguments.quick):
        started = time.monotonic()
        print(f"== {' '.join([command[0], *(part for part in command[1:] if '/' not in part)])}", flush=True)
        code = subprocess.run(
            [sys.executable, "-m", f"benchmarks.{command[0]}", *command[1:]], cwd=HERE.parent, check=False
        ).returncode
        print(f"   ({time.monotonic() - started:.0f} s)\n", flush=True)
        if code:
            failed.append(command[0])
    if arguments.folder is None:
        shutil.rmtree(stores, ignore_errors=True)
    if failed:
        print(f"Failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
