"""Attacks over sockets."""

import os
import stat
import subprocess
import sys
import time

from tests.attack.target import MARKS, Attack, Outcome, Target, attacks, command_lines, read, traces_of

WIRE: list[Attack] = []
"""All of them, in order."""

quick, slow = attacks(WIRE), attacks(WIRE, quick=False)

PATHS = (
    "/",
    "/traces",
    "/_stcore/health",
    "/_stcore/host-config",
    "/readyz",
    "/export/traces.jsonl",
    "/static/nothing.js",
    "/media/nothing",
)
"""Pages, data, health, errors: what is asked of every kind of reply."""

HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
}
"""On every response."""

HALF_OPEN = 500
"""Connections that begin something and do not go on."""

HIDDEN = ("root:", "PRIVATE KEY", "import streamlit", "[theme]")
"""What files of the server hold and no reply may."""


@quick("a name that was rebound to this machine reads pages, traces, health and readiness")
def rebound_name(target: Target) -> Outcome:
    """Every path by a name of elsewhere."""
    replies = [target.ask(path, Host=f"evil.example:{target.port}") for path in PATHS]
    told = sorted({reply.status for reply in replies})
    return Outcome(told == [421] and not any("question" in reply.body for reply in replies), f"status {told}")


@quick("the same, with what a sloppy check takes for localhost")
def almost_localhost(target: Target) -> Outcome:
    """Names that begin or end like ours."""
    hosts = (
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "localhost@evil.example",
        "evil.example#localhost",
        "0x7f.1.evil.example",
    )
    told = [target.ask("/export/traces.jsonl", Host=host).status for host in hosts]
    return Outcome(set(told) <= {400, 421}, f"status {told}")


@quick("two names at once, or none")
def two_names(target: Target) -> Outcome:
    """HTTP/1.1 with two Host headers, HTTP/1.0 without one."""
    two = target.send(
        b"GET /export/traces.jsonl HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
    )
    none = target.send(b"GET /export/traces.jsonl HTTP/1.0\r\n\r\n")
    return Outcome({two.status, none.status} <= {400, 421}, f"status {two.status}, {none.status}")


@quick("a rebound name opens a page's WebSocket")
def rebound_socket(target: Target) -> Outcome:
    """By a name of elsewhere, its own origin beside it."""
    status = target.open_socket(Host="evil.example", Origin="http://evil.example")
    return Outcome(status == 421, f"status {status}")


@quick("pages of elsewhere, and http://localhost:3000, open a WebSocket")
def foreign_socket(target: Target) -> Outcome:
    """Foreign origins; one of our own, to know that it opens at all."""
    origins = ("https://evil.example", "http://localhost:3000", "null", "http://127.0.0.1:1")
    told = [target.open_socket(Origin=origin) for origin in origins]
    own = target.open_socket(Origin=target.url)
    return Outcome(set(told) == {403} and own == 101, f"status {told}; our own page {own}")


@quick("pages of elsewhere read, send traces, and ask for leave (CORS)")
def foreign_page(target: Target) -> Outcome:
    """GET, POST and preflight from foreign origins."""
    before = traces_of(target)
    replies = [
        target.ask(
            path, method, body, Origin=origin, Content_Type="application/json", Access_Control_Request_Method="POST"
        )
        for origin in ("https://evil.example", "http://localhost:3000", "null")
        for path, method, body in (
            ("/export/traces.jsonl", "GET", b""),
            ("/v1/traces", "POST", b"{}"),
            ("/v1/traces", "OPTIONS", b""),
        )
    ]
    leave = [reply for reply in replies if reply.header("access-control-allow-origin")]
    told = sorted({reply.status for reply in replies})
    return Outcome(
        told == [403] and not leave and traces_of(target) == before, f"status {told}, {len(leave)} with leave"
    )


@quick("a reply without a header that keeps browsers from frames, sniffing and telling")
def missing_headers(target: Target) -> Outcome:
    """Every kind of reply, errors and refusals included."""
    replies = [target.ask(path) for path in (*PATHS, "/nowhere", "/v1/traces", "/%2e%2e/%2e%2e/etc/passwd")]
    replies += [target.ask(Host="evil.example"), target.ask(Origin="null"), target.send(b"NONSENSE\r\n\r\n")]
    missing = {
        f"{reply.status} {name}"
        for reply in replies
        for name, value in HEADERS.items()
        if reply.header(name) != value
        and not (reply.status == 400 and name in ("x-frame-options",) and "frame-ancestors" in reply.text)
    }
    missing |= {
        f"{reply.status} policy"
        for reply in replies
        if "frame-ancestors 'none'" not in reply.header("content-security-policy")
    }
    return Outcome(not missing, f"{len(replies)} replies, missing: {', '.join(sorted(missing)) or 'nothing'}")


@quick("files of the server by way of the paths of static files, media and components")
def traversal(target: Target) -> Outcome:
    """Dots, encoded dots, double slashes, drives."""
    ways = (
        "..%2f..%2f..%2f..%2fetc%2fpasswd",
        "../../../../etc/passwd",
        "%2e%2e/%2e%2e/etc/passwd",
        "....//....//etc/passwd",
        "%00/etc/passwd",
    )
    below = (
        "/static/",
        "/media/",
        "/component/x/",
        "/_stcore/bidi-components/raglass.waterfall/",
        "/app/static/",
        "//",
        "/",
    )
    found = [
        f"{folder}{way}"
        for folder in below
        for way in ways
        if any(mark in target.ask(folder + way).body for mark in HIDDEN)
    ]
    own = target.ask("/_stcore/bidi-components/raglass.waterfall/../config.py").body
    return Outcome(not found and "Settings" not in own, f"{len(below) * len(ways)} paths, {len(found)} files")


@quick("an address that sends a visitor elsewhere")
def open_redirect(target: Target) -> Outcome:
    """What browsers take for another host."""
    told = [
        target.ask(path).header("location")
        for path in ("//evil.example/", "/%2f%2fevil.example/", "/\\evil.example/", "/static//evil.example/..")
    ]
    elsewhere = [each for each in told if each.startswith(("//", "\\", "http"))]
    return Outcome(not elsewhere, f"{len(elsewhere)} of {len(told)} lead elsewhere")


@quick("an upload without the page's token, or for a session that is none")
def upload_without_token(target: Target) -> Outcome:
    """PUT and DELETE."""
    told = [target.ask("/_stcore/upload_file/session/file", method, b"x").status for method in ("PUT", "DELETE")]
    return Outcome(all(status in (400, 403) for status in told), f"status {told}")


@quick("an upload that says that it has 300 MB")
def upload_said_large(target: Target) -> Outcome:
    """Its length alone."""
    began = time.monotonic()
    host = f"Host: localhost:{target.port}\r\n".encode()
    reply = target.send(b"PUT /_stcore/upload_file/s/f HTTP/1.1\r\n" + host + b"Content-Length: 300000000\r\n\r\n")
    return Outcome(reply.status == 413 and time.monotonic() - began < 5, f"status {reply.status}")


@quick("an upload of 300 MB that does not say how long it is")
def upload_streams(target: Target) -> Outcome:
    """In pieces; how many megabytes were taken."""
    taken, piece = 0, b"f4240\r\n" + bytes(1_000_000) + b"\r\n"
    with target.connect() as connection:
        host = f"Host: localhost:{target.port}\r\n".encode()
        connection.sendall(b"PUT /_stcore/upload_file/s/f HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\n")
        try:
            for _ in range(300):
                connection.sendall(piece)
                taken += 1
        except (ConnectionResetError, BrokenPipeError, TimeoutError):
            pass
        reply = read(connection)
    return Outcome(taken < 100, f"{taken} MB were taken, status {reply.status or 'none, the connection was ended'}")


@slow("two lengths, so that a proxy and the dashboard see different requests")
def smuggling(target: Target) -> Outcome:
    """Content-Length beside Transfer-Encoding, and twice."""
    host = f"Host: localhost:{target.port}\r\n".encode()
    hidden = b"GET /export/traces.jsonl HTTP/1.1\r\n" + host + b"\r\n"
    both = target.send(
        b"POST /v1/logs HTTP/1.1\r\n"
        + host
        + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        + hidden
    )
    twice = target.send(
        b"POST /v1/logs HTTP/1.1\r\n" + host + b"Content-Length: 5\r\nContent-Length: 0\r\n\r\n" + hidden
    )
    return Outcome(
        twice.status == 400 and both.text.count("HTTP/1.1 200") <= 1, f"status {both.status}, {twice.status}"
    )


@quick("headers of a megabyte, and what is no HTTP")
def nonsense(target: Target) -> Outcome:
    """Both are answered in short, and the next request works."""
    large = target.ask(X_Large="x" * 1_000_000).status
    garbage = target.send(os.urandom(2000) + b"\r\n\r\n").status
    return Outcome(
        large in (0, 400, 431) and garbage in (0, 400) and target.ask("/_stcore/health").status == 200,
        f"status {large}, {garbage}",
    )


@quick("files of the data folder by other users of this machine")
def open_files(target: Target) -> Outcome:
    """Modes, but for what the test itself put there."""
    told = stat.S_IMODE(target.data_dir.stat().st_mode)
    ours = [path for path in target.data_dir.rglob("*") if path != target.log]
    loose = [path.name for path in ours if not path.is_symlink() and stat.S_IMODE(path.stat().st_mode) & 0o077]
    return Outcome(
        told == 0o700 and not loose and bool(ours), f"folder {told:o}, {len(ours)} files and folders, {len(loose)} open"
    )


@slow("an address with a password in a setting is shown")
def password_in_address(target: Target) -> Outcome:
    """The command refuses it and says which setting, not what it holds."""
    settings = ("API_URL", "JUDGE_URL", "OTLP_ENDPOINT", "EMBEDDER", "GENERATOR")
    shown, taken = [], []
    for name in settings:
        value = "https://user:hunter2-secret@localhost/v1"
        environ = os.environ | {f"RAGLASS_{name}": f"openai:m@{value}" if name in ("EMBEDDER", "GENERATOR") else value}
        command = [sys.executable, "-c", "from app.shell.main import main; main()", "status"]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120, check=False)
        shown += [name] if "hunter2" in done.stdout + done.stderr else []
        taken += [name] if done.returncode == 0 or f"RAGLASS_{name}" not in done.stderr else []
    return Outcome(not shown and not taken, f"{len(settings)} settings, {len(shown)} shown, {len(taken)} taken")


@slow("500 connections that send half of their headers keep others out")
def half_headers(target: Target) -> Outcome:
    """And whether they are ended."""
    return _half_open(target, b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")


@slow("500 connections that send half of their bodies keep others out")
def half_bodies(target: Target) -> Outcome:
    """To where bodies are taken."""
    host = f"Host: localhost:{target.port}\r\n".encode()
    return _half_open(
        target,
        b"POST /v1/traces HTTP/1.1\r\n" + host + b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{",
    )


@slow("2,000 connections at once, more than there is room for, keep others out")
def too_many(target: Target) -> Outcome:
    """As many as this process may open."""
    return _half_open(target, b"GET / HTTP/1.1\r\nHo", 2000)


def _half_open(target: Target, half: bytes, many: int = HALF_OPEN) -> Outcome:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < many + 100:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, many + 100), hard))
    opened = []
    try:
        for _ in range(many):
            try:
                opened.append(target.connect())
                opened[-1].sendall(half)
            except OSError:
                continue
        began = time.monotonic()
        told = [target.ask("/_stcore/health").status for _ in range(4)]
        told.append(target.ask("/v1/traces", "POST", b"{}", Content_Type="application/json").status)
        took_s = time.monotonic() - began
    finally:
        for each in opened:
            each.close()
    return Outcome(
        told == [200] * 5 and took_s < 10, f"{len(opened)} half open; 5 others answered {told} in {took_s:.1f} s"
    )


@slow("a trickle of headers, a byte at a time, keeps a connection for ever")
def trickle(target: Target) -> Outcome:
    """For how long."""
    began = time.monotonic()
    with target.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        try:
            while time.monotonic() - began < 40:
                connection.sendall(b"x")
                time.sleep(0.2)
        except OSError:
            pass
    took_s = time.monotonic() - began
    return Outcome(took_s < 30, f"ended after {took_s:.0f} s")


def look_for_secrets(target: Target) -> Outcome:
    """Keys in replies and pages that attacks have seen, in the log, and in the list of processes. Done last."""
    places = {
        "pages and replies": "\n".join(target.seen),
        "log": target.log.read_text("utf-8", "replace"),
        "process list": "\n".join(command_lines()),
    }
    found = [f"{mark} in the {place}" for place, text in places.items() for mark in MARKS if mark in text]
    return Outcome(
        not found,
        f"{len(target.seen)} replies, pages and addresses, the log and the process list: {', '.join(found) or 'none'}",
    )
