"""The use case of setting an endpoint up: one question is asked, and what is made of the reply is held against it. No trace is kept."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from app.kit.plain import one_line, printable, shortened
from backends.http.backend import MASK, HttpBackend
from backends.http.endpoints import PREFIX, Endpoint
from backends.http.opening import find_endpoints, why_unset
from backends.http.reply import Facts
from backends.http.transport import host_of
from backends.http.trial import Finding, examine
from backends.registry import BackendConfig
from pipeline.errors import BackendError, ConfigError, Unavailable

VALUE_CHARS = 60
"""Characters of a value that are shown."""


@dataclass(frozen=True, slots=True)
class Tried:
    """An endpoint, tried."""

    endpoint: Endpoint
    """The endpoint."""
    findings: tuple[Finding, ...]
    """What became of each expression; empty where there was no reply to hold them against."""
    facts: Facts | None
    """What was made of the reply; None without one."""
    problem: str | None
    """Why there is none, or what is wrong with it; None if the question was answered."""


def try_endpoints(
    file_or_name: str, config: BackendConfig, question: str, top_k: int, deadline_s: float
) -> Iterator[Tried]:
    """Ask once every endpoint of a file, or the one of a name. Raises ConfigError for neither, InputError for misuse."""
    for endpoint in _chosen(file_or_name, config):
        yield _try(endpoint, question, top_k, deadline_s)


def _chosen(file_or_name: str, config: BackendConfig) -> list[Endpoint]:
    path = Path(file_or_name).expanduser()
    if path.is_file():
        return list(find_endpoints(replace(config, backends_file=path)).values())
    name = file_or_name if file_or_name.startswith(PREFIX) else PREFIX + file_or_name
    endpoints = find_endpoints(config)
    if name not in endpoints:
        known = ", ".join(endpoints) or "none"
        raise ConfigError(
            f"{file_or_name!r} is neither a file nor an endpoint. Endpoints: {known}; RAGLASS_BACKENDS_FILE names their file."
        )
    return [endpoints[name]]


def _try(endpoint: Endpoint, question: str, top_k: int, deadline_s: float) -> Tried:
    backend = HttpBackend(endpoint)
    try:
        if (reason := why_unset(endpoint)) is not None:
            raise Unavailable(f"{reason} Set them and try again.")
        reply = backend.try_once(question, top_k=top_k, deadline_s=deadline_s)
    except BackendError as error:
        return Tried(endpoint, (), None, str(error))
    finally:
        backend.close()
    findings = tuple(examine(endpoint, reply.data, backend.clean))
    try:
        reply.facts.generation()
    except BackendError as error:
        return Tried(endpoint, findings, reply.facts, str(error))
    problem = None if reply.facts.error is None else "The application answered that it failed."
    return Tried(endpoint, findings, reply.facts, problem)


def tried_text(tried: Tried) -> str:
    """What was found and what was not, a line an expression."""
    lines = [f"{tried.endpoint.name} at {host_of(tried.endpoint.url)}"]
    if tried.findings:
        width = max(len(each.key) for each in tried.findings)
        lines += [f"  {_mark(each)} {each.key:<{width}}  {_said(each)}" for each in tried.findings]
    if tried.facts is not None and tried.problem is None:
        generation = tried.facts.generation()
        lines.append(f"Answer: {shortened(one_line(generation.answer), 400)}")
        lines.append(f"Chunks: {len(tried.facts.chunks)}{_lacking(tried.facts)}")
    if tried.problem is not None:
        lines.append(f"Problem: {tried.problem}")
    return printable("\n".join(lines))


def _mark(finding: Finding) -> str:
    if finding.key == "error" and not finding.found:
        return "none   "
    return "found  " if finding.found else "MISSING"


def _said(finding: Finding) -> str:
    if finding.key == "error" and not finding.found:
        return f"{finding.expression}: no error, as it should be"
    if not finding.found:
        nearest = f"; the nearest key is {finding.nearest}" if finding.nearest else "; there is no key like it"
        return f"{finding.expression}: nothing there{nearest}"
    of = f" ({finding.found} of {finding.places})" if finding.places > 1 else ""
    return f"{finding.expression}{of} = {shortened(one_line(finding.value), VALUE_CHARS)}"


def _lacking(facts: Facts) -> str:
    """What chunks lack, which pages show as missing."""
    lacks = [
        name
        for name, has in (("text", lambda chunk: chunk.text), ("score", lambda chunk: chunk.score is not None))
        if facts.chunks and not all(map(has, facts.chunks))
    ]
    return f" (some without {' and '.join(lacks)})" if lacks else ""


def endpoint_text(endpoint: Endpoint) -> str:
    """An endpoint in one line, its headers' values masked."""
    headers = "".join(f", {name}: {MASK}" for name in endpoint.headers)
    return f"{endpoint.method} {host_of(endpoint.url)}{', streaming' if endpoint.stream else ''}{headers}"
