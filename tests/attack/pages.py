"""Attacks with a browser: what a page of elsewhere can do, and what a visitor can."""

import http.server
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from playwright.sync_api import Browser, Error, Page, Playwright, Request

from tests.attack.target import Attack, Outcome, Target, attacks, read

PAGES: list[Attack] = []
"""All of them, in order."""

quick, slow = attacks(PAGES), attacks(PAGES, quick=False)

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]

EVIL = "evil.example"
"""A name of elsewhere, which the browser is told leads to this machine."""

REBOUND = f"--host-resolver-rules=MAP {EVIL} 127.0.0.1"
"""How it is told."""

OURS = ("/", "/ask", "/compare", "/explain", "/live", "/traces", "/runs", "/stability", "/lab", "/corpus", "/status")
"""Every page."""

MARKUP = '<img src=x onerror="window.__ran=1"><script>window.__ran=1</script> https://evil.example/in [a](javascript:window.__ran=1)'
"""What runs if it is taken for HTML, and leads elsewhere if it is taken for a link."""

FREED_S = 90.0
"""By when the files of a closed tab must be gone."""

TIMEOUT_MS = 60_000


@contextmanager
def opened_browser(playwright: Playwright, path: str) -> Iterator[Browser]:
    """A browser for which EVIL leads to this machine."""
    browser = playwright.chromium.launch(executable_path=path, args=[*ARGUMENTS, REBOUND])
    yield browser
    browser.close()


@contextmanager
def page_of(target: Target, told: list[str] | None = None) -> Iterator[Page]:
    """A page in a window of its own; what is refused or fails in it is told, and every address is noted."""
    context = target.browser[0].new_context()
    page = context.new_page()
    page.set_default_timeout(TIMEOUT_MS)
    page.on("request", lambda request: target.seen.append(request.url))
    if told is not None:
        page.on("console", lambda message: told.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: told.append(str(error)))
    yield page
    target.seen.append(page.content())
    context.close()


@contextmanager
def page_of_elsewhere(html: str) -> Iterator[str]:
    """The address of a page that another server on this machine serves."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://{EVIL}:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()


def rest(page: Page) -> None:
    """Wait until a page is drawn."""
    page.locator("[data-test-script-state=notRunning]").wait_for()
    page.wait_for_timeout(300)


@quick("a page whose name is rebound to this machine is opened in a browser")
def rebound_page(target: Target) -> Outcome:
    """What it shows, what it can fetch, whether it opens a socket."""
    with page_of(target) as page:
        reply = page.goto(f"http://{EVIL}:{target.port}/traces")
        shown = page.inner_text("body")
        got = page.evaluate(
            """async () => {
                const read = await fetch('/export/traces.jsonl').then(r => r.status + ':' + r.headers.get('content-type'), e => 'failed');
                const socket = await new Promise(done => {
                    const made = new WebSocket(`ws://${location.host}/_stcore/stream`, ['streamlit']);
                    made.onopen = () => done('open'); made.onerror = () => done('refused');
                });
                return [read, socket];
            }"""
        )
    status = 0 if reply is None else reply.status
    return Outcome(
        status == 421 and got[0].startswith("421") and got[1] == "refused" and "RAGLASS_ALLOWED_HOSTS" in shown,
        f"status {status}, fetch {got[0][:3]}, socket {got[1]}",
    )


@quick("a page of elsewhere fetches, posts, and opens a socket to this machine")
def foreign_page(target: Target) -> Outcome:
    """With what a browser lets any page try."""
    script = f"""async () => {{
        const to = '{target.url}';
        const tries = [['/export/traces.jsonl', {{}}], ['/v1/traces', {{method: 'POST', body: '{{}}'}}], ['/_stcore/health', {{}}]];
        const got = [];
        for (const [path, how] of tries) got.push(await fetch(to + path, how).then(r => 'read ' + r.status, e => 'nothing'));
        got.push(await new Promise(done => {{
            const made = new WebSocket(to.replace('http', 'ws') + '/_stcore/stream', ['streamlit']);
            made.onopen = () => done('open'); made.onerror = () => done('refused');
        }}));
        return got;
    }}"""
    with page_of_elsewhere("<p>elsewhere</p>") as url, page_of(target) as page:
        page.goto(url)
        got = page.evaluate(script)
    return Outcome(got == ["nothing"] * 3 + ["refused"], ", ".join(got))


@quick("the dashboard in a frame of a page of elsewhere, to have buttons clicked")
def framed(target: Target) -> Outcome:
    """Whether anything of it is in the frame."""
    with (
        page_of_elsewhere(f"<iframe src='{target.url}/corpus' width=900 height=700></iframe>") as url,
        page_of(target) as page,
    ):
        page.goto(url)
        page.wait_for_timeout(1500)
        inside = [frame for frame in page.frames if frame.url.startswith(target.url)]
        buttons = sum(frame.locator("button").count() for frame in page.frames)
    return Outcome(not inside and buttons == 0, f"{len(inside)} frames, {buttons} buttons")


@slow("every page under the policy, and what it keeps from them")
def policy(target: Target) -> Outcome:
    """All pages, tabs included: nothing that they need is refused, and charts and the waterfall are drawn."""
    told: list[str] = []
    with page_of(target, told) as page:
        page.goto(f"{target.url}/ask")
        rest(page)
        box = page.get_by_label("Question", exact=True)
        box.fill("Who proposed that continents drift?")
        box.press("Enter")
        page.wait_for_url("**/ask?*trace=*")
        rest(page)
        trace = page.url.partition("trace=")[2].partition("&")[0]
        charts, rows = 0, 0
        for path in (*OURS, f"/explain?trace={trace}", f"/traces?trace={trace}"):
            page.goto(f"{target.url}{path}")
            rest(page)
            for place in range(page.get_by_role("tab").count()):
                page.get_by_role("tab").nth(place).click()
                rest(page)
            charts += page.locator(".js-plotly-plot").count()
            rows += page.get_by_test_id("waterfall").locator("[role=treeitem]").count()
            target.seen.append(page.content())
    refused = [text for text in told if "Content Security Policy" in text or "Error" in text]
    return Outcome(
        not refused and charts > 0 and rows > 0,
        f"{charts} charts, {rows} rows drawn; refused: {'; '.join(refused)[:120] or 'nothing'}",
    )


@quick("a script that got into a page")
def injected(target: Target) -> Outcome:
    """Inline, as a handler, by eval, from a blob and from elsewhere."""
    with page_of(target) as page:
        page.goto(f"{target.url}/status")
        rest(page)
        # By the page's own means: what the driver evaluates is not bound by the policy.
        page.evaluate(
            """() => {
                const add = (set) => { const made = document.createElement('script'); set(made); document.body.append(made); };
                add(made => made.textContent = 'window.__ran = "inline"');
                add(made => made.src = URL.createObjectURL(new Blob(['window.__ran = "blob"'])));
                add(made => made.src = 'data:text/javascript,window.__ran="data"');
                document.body.insertAdjacentHTML('beforeend', `<img src="nothing:" onerror="window.__ran = 'handler'">`);
                document.body.insertAdjacentHTML('beforeend', `<iframe srcdoc="<script>parent.__ran='frame'<\\/script>"></iframe>`);
                document.body.insertAdjacentHTML('beforeend', `<form action="https://evil.example/"><input name=a></form>`);
            }"""
        )
        page.wait_for_timeout(1500)
        ran = page.evaluate("window.__ran || ''")
    return Outcome(not ran, f"ran: {ran or 'nothing'}")


@slow("markup in a question, in the address and in the names of files")
def markup(target: Target) -> Outcome:
    """Shown on every page that shows them: nothing runs, no picture is fetched, no link leads elsewhere."""
    asked: list[str] = []
    with page_of(target) as page:
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{target.url}/ask")
        rest(page)
        box = page.get_by_label("Question", exact=True)
        box.fill(MARKUP)
        box.press("Enter")
        page.wait_for_url("**/ask?*trace=*")
        rest(page)
        trace = page.url.partition("trace=")[2].partition("&")[0]
        ran, links = False, 0
        for path in (
            f"/ask?trace={trace}",
            f"/traces?trace={trace}",
            f"/explain?trace={trace}",
            "/traces",
            "/live",
            f"/traces?search={MARKUP}",
            f"/runs?run={MARKUP}",
            f"/explain?trace={MARKUP}",
        ):
            page.goto(target.url + path.replace(" ", "%20").replace("#", "%23"))
            rest(page)
            ran |= bool(page.evaluate("window.__ran"))
            links += page.evaluate("[...document.links].filter(a => a.origin !== location.origin).length")
    away = [url for url in asked if not url.startswith((target.url, "data:", "blob:"))]
    return Outcome(
        not ran and not links and not away,
        f"{'ran' if ran else 'nothing ran'}, {links} links, {len(away)} requests elsewhere",
    )


@slow("a visitor names places of the server: data folder, dataset, model, device")
def places(target: Target) -> Outcome:
    """On the pages that take names, and what is told of each."""
    told = []
    for place in ("/etc", "~", "../..", "/dev/stdin"):
        with page_of(target) as page:
            page.goto(f"{target.url}/runs")
            rest(page)
            if not page.get_by_text("Hugging Face").first.is_visible():
                page.get_by_text("Start a run").first.click()
            page.get_by_text("Hugging Face").first.click()
            box = page.get_by_label("Id of a dataset with question and answers")
            box.fill(place)
            box.press("Enter")
            rest(page)
            page.get_by_role("button", name="Start", exact=True).click()
            alert = page.get_by_test_id("stAlert").filter(has_text=f"'{place}'")
            with suppress(Error):
                alert.wait_for(timeout=10_000)
            told.append(alert.count() == 1 and "may not name" in alert.inner_text())
    return Outcome(all(told), f"{sum(told)} of {len(told)} refused before they were looked at")


@slow("a visitor uploads 300 MB past the page's own check, then many files, and goes")
def uploads(target: Target) -> Outcome:
    """With the token and the session of a real page."""
    puts: list[Request] = []
    with page_of(target) as page:
        page.on("request", lambda request: puts.append(request) if request.method == "PUT" else None)
        page.goto(f"{target.url}/corpus")
        rest(page)
        page.locator("input[type=file]").first.set_input_files(
            {"name": "a.txt", "mimeType": "text/plain", "buffer": b"x" * 1000}
        )
        page.wait_for_timeout(2000)
        headers = puts[0].all_headers()
        path = puts[0].url.removeprefix(target.url)
        taken, status = _put(target, path, headers, 300)
        statuses = [_put(target, f"{path[:-4]}{number:04}", headers, 45)[1] for number in range(14)]
        held = _held_mb(target)
    began = time.monotonic()
    while _held_mb(target) and time.monotonic() - began < FREED_S:
        time.sleep(2)
    left = _held_mb(target)
    few = statuses.count(204)
    return Outcome(
        taken < 100 and few < 14 and held <= 510 and not left,
        f"{taken} of 300 MB taken (status {status or 'none'}); of 14 files of 45 MB {few} were held; {left:.0f} MB left "
        f"{time.monotonic() - began:.0f} s after the tab went",
    )


def _put(target: Target, path: str, headers: dict[str, str], megabytes: int) -> tuple[int, int]:
    """An upload in pieces, without a length: how many megabytes were taken, and the status."""
    kept = {name: headers[name] for name in ("cookie", "x-xsrftoken", "origin") if name in headers}
    said = {
        "Host": f"localhost:{target.port}",
        "Transfer-Encoding": "chunked",
        "Content-Type": "multipart/form-data; boundary=b",
        **kept,
    }
    lines = [f"PUT {path} HTTP/1.1", *(f"{name}: {value}" for name, value in said.items()), "", ""]
    begin = b'--b\r\nContent-Disposition: form-data; name="f"; filename="f.txt"\r\n\r\n'
    taken = 0

    def chunk(data: bytes) -> bytes:
        return b"%x\r\n%s\r\n" % (len(data), data)

    with target.connect() as connection:
        try:
            connection.sendall("\r\n".join(lines).encode() + chunk(begin))
            for _ in range(megabytes):
                connection.sendall(chunk(bytes(1_000_000)))
                taken += 1
            connection.sendall(chunk(b"\r\n--b--\r\n") + b"0\r\n\r\n")
            connection.settimeout(10)
        except (ConnectionResetError, BrokenPipeError, TimeoutError):
            pass
        first = connection.recv(65_536) if taken == megabytes else read(connection).raw
    return taken, int(first[9:12]) if first.startswith(b"HTTP") else 0


def _held_mb(target: Target) -> float:
    """Megabytes of uploads that the dashboard says that it holds."""
    for line in target.ask("/_stcore/metrics").body.splitlines():
        if "UploadedFileManager" in line:
            return float(line.split()[-1]) / 1e6
    return 0.0
