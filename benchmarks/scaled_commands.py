"""Commands that read the store, those that go through all of it left out, which `scaled_wholes` has."""

from collections.abc import Mapping, Sequence

from benchmarks.seeding import RARE

COMMANDS: Mapping[str, Sequence[str]] = {
    "status": ["status"],
    "traces": ["traces"],
    "traces --json": ["traces", "--json"],
    "traces --search": ["traces", "--search", RARE],
    "traces --search, frequent": ["traces", "--search", "the"],
    "traces --where": ["traces", "--where", "latency_ms > 2000"],
    "traces --where, by quality": ["traces", "--where", "quality.grounded < 0.2"],
    "traces --tag --service --model": ["traces", "--tag", "beta", "--service", "help", "--model", "model-b"],
    "traces --kind, rare": ["traces", "--kind", "tool"],
    "traces --session": ["traces", "--session", "{session}"],
    "traces --id": ["traces", "--id", "{trace}"],
    "traces --export, of a user": ["traces", "--export", "jsonl", "--user", "u17"],
    "traces --export csv, of a search": ["traces", "--export", "csv", "--search", RARE],
    "traces delete --dry-run, one": ["traces", "delete", "{trace}", "--dry-run"],
    "traces delete --dry-run, of a user": ["traces", "delete", "--user", "u17", "--dry-run"],
    "traces delete --dry-run, 29 days": ["traces", "delete", "--older-than", "29d", "--dry-run"],
    "traces delete --dry-run, all": ["traces", "delete", "--all", "--dry-run"],
    "costs": ["costs"],
    "costs, 31 days": ["costs", "--days", "31"],
    "quality, a day": ["quality"],
    "quality, 7 days": ["quality", "--last", "7d"],
    "alerts list": ["alerts", "list"],
    "alerts rules": ["alerts", "rules"],
    "alerts add --dry-run": ["alerts", "add", "slow", "--series", "latency_p95", "--above", "2s", "--dry-run"],
    "alerts add --dry-run, abstained": [
        "alerts", "add", "silent", "--series", "abstained", "--above", "30%", "--dry-run",
    ],
    "audit": ["audit"],
    "keys list": ["keys", "list"],
    "prompt list": ["prompt", "list"],
    "eval list": ["eval", "list"],
    "eval show": ["eval", "show", "{run}"],
    "eval compare": ["eval", "compare", "{before}", "{run}"],
    "eval from-feedback": ["eval", "from-feedback", "{folder}/feedback.jsonl", "--force"],
    "dataset list": ["dataset", "list"],
    "dataset make, rated": ["dataset", "make", "rated", "--rated", "up"],
    "stability list": ["stability", "list"],
    "stability questions": ["stability", "questions"],
    "lab list": ["lab", "list"],
}  # fmt: skip
"""By what a report calls them; `{trace}`, `{session}` and `{run}` stand for stored ones, `{folder}` for one to write to."""
