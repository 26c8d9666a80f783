"""`Tab`: one open page of a visitor, over a WebSocket as a browser has it, by Streamlit's own protocol. It draws nothing."""

import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Common_pb2 import FileURLs
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from websockets.sync.client import ClientConnection

RUN_S = 120.0
"""How long a run may take."""

XSRF = "_streamlit_xsrf"
"""The cookie whose value an upload repeats."""

SEEDED_FAILURE = "It failed\\. Try again\\."
"""What the page says of a seeded trace whose question failed, as it is meant to."""

DONE = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)
"""How a run ends well. One that ends early for a rerun is followed by another."""


@dataclass(frozen=True, slots=True)
class Widget:
    """Something on a page that can be used."""

    kind: str
    """Of its element: `button`, `selectbox`, …; `tabs` for tabs."""
    widget_id: str
    """As the server calls it."""
    label: str
    """As a person reads it."""
    options: tuple[str, ...] = ()
    """What can be chosen."""
    form: str = ""
    """The form that holds its value back; empty for none."""
    disabled: bool = False
    """Whether it cannot be used."""


@dataclass
class Run:
    """What a run of a page came to."""

    took_ms: float = 0.0
    """From asking for it until its last message has come."""
    size_bytes: int = 0
    """Of all its messages."""
    problems: list[str] = field(default_factory=list)
    """What the page itself says went wrong: exceptions, and boxes in red."""


class Tab:
    """From the connection on."""

    def __init__(self, socket: ClientConnection, address: str) -> None:
        """address: of the dashboard, without a path."""
        self._socket, self._address = socket, address
        self._page, self._session = "", ""
        self._hashes: dict[str, str] = {}
        self._elements: dict[tuple[int, ...], Any] = {}
        self._states: dict[str, WidgetState] = {}
        self._refreshes: dict[str, tuple[float, float]] = {}
        self.query = ""
        """The address's part behind the question mark, as the page last wrote it."""

    def open(self, path: str, query: str = "") -> Run:
        """Go to a page, as a link or the menu does. path: empty for the first one."""
        self._page, self.query = path, query
        self._states.clear()
        return self._run()

    def use(self, *states: WidgetState) -> Run:
        """Change what widgets say, or press one, and have the page drawn anew."""
        pressed = {state.id for state in states if state.WhichOneof("value") == "trigger_value"}
        self._states |= {state.id: state for state in states}
        try:
            return self._run()
        finally:
            for widget_id in pressed:
                self._states.pop(widget_id, None)

    def wait(self, seconds: float, refreshed: Callable[[Run], None], over: Callable[[], bool]) -> None:
        """Leave the page open for a while; what draws itself anew by the clock does. over: whether to leave at once."""
        until = time.monotonic() + seconds
        while not over() and (now := time.monotonic()) < until:
            due = min(self._refreshes, key=lambda fragment: self._refreshes[fragment][1], default=None)
            if due is not None and self._refreshes[due][1] <= now:
                refreshed(self._run(due))
                if due in self._refreshes:  # a whole run in between begins anew
                    every_s, _ = self._refreshes[due]
                    self._refreshes[due] = every_s, time.monotonic() + every_s
            else:
                time.sleep(min(0.2, until - now))

    def widgets(self, kind: str | None = None) -> list[Widget]:
        """What can be used on the page as it stands, of one kind or of all."""
        found = [widget for path, element in self._elements.items() for widget in self._widget(path, element)]
        return [widget for widget in found if kind in (None, widget.kind) and widget.widget_id]

    def find(self, kind: str, label: str) -> Widget | None:
        """The first of a kind whose label holds this text."""
        return next((widget for widget in self.widgets(kind) if label in widget.label and not widget.disabled), None)

    def upload(self, widget: Widget, name: str, content: bytes) -> WidgetState:
        """Send a file as the upload box does: what the box then says."""
        asked = BackMsg()
        asked.file_urls_request.request_id = uuid.uuid4().hex
        asked.file_urls_request.file_names.append(name)
        asked.file_urls_request.session_id = self._session
        self._socket.send(asked.SerializeToString())
        urls = next(
            message.file_urls_response.file_urls[0]
            for message in self._messages(time.monotonic() + RUN_S)
            if message.WhichOneof("type") == "file_urls_response"
        )
        self._put(urls, name, content)
        state = WidgetState(id=widget.widget_id)
        state.file_uploader_state_value.uploaded_file_info.add(
            name=name, size=len(content), file_id=urls.file_id, file_urls=urls
        )
        return state

    def _put(self, urls: FileURLs, name: str, content: bytes) -> None:
        with urllib.request.urlopen(f"{self._address}/_stcore/health", timeout=RUN_S) as reply:
            cookies = "; ".join(reply.headers.get_all("Set-Cookie") or ())
        token = cookies.partition(f"{XSRF}=")[2].partition(";")[0]
        boundary = uuid.uuid4().hex
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        headers |= {"Cookie": f"{XSRF}={token}", "X-Xsrftoken": token, "Origin": self._address}
        body = b"".join([head, content, f"\r\n--{boundary}--\r\n".encode()])
        put = urllib.request.Request(urljoin(self._address, urls.upload_url), body, headers, method="PUT")
        urllib.request.urlopen(put, timeout=RUN_S).close()

    def _run(self, fragment: str = "") -> Run:
        """Ask for a run and take all its messages. Raises TimeoutError, or ConnectionClosed."""
        asked = BackMsg()
        said = asked.rerun_script
        said.query_string, said.fragment_id, said.is_auto_rerun = self.query, fragment, bool(fragment)
        if self._page in self._hashes:
            said.page_script_hash = self._hashes[self._page]
        else:
            said.page_name = self._page
        said.widget_states.CopyFrom(WidgetStates(widgets=self._states.values()))
        run, began = Run(), time.perf_counter()
        self._socket.send(asked.SerializeToString())
        anew = not fragment
        for message in self._messages(time.monotonic() + RUN_S):
            run.size_bytes += message.ByteSize()
            if message.WhichOneof("type") == "script_finished":
                if message.script_finished in DONE:
                    break
                if message.script_finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
                    run.problems.append("the page cannot be compiled")
                    break
                anew = True
            else:
                if anew and message.WhichOneof("type") == "new_session":
                    self._elements.clear()
                    self._refreshes.clear()
                self._take(message, run)
        run.took_ms = (time.perf_counter() - began) * 1000
        return run

    def _messages(self, until_s: float) -> Iterator[ForwardMsg]:
        while True:
            left_s = until_s - time.monotonic()
            if left_s <= 0:
                raise TimeoutError(f"no end within {RUN_S:g} s")
            yield ForwardMsg.FromString(self._socket.recv(left_s, decode=False))

    def _take(self, message: ForwardMsg, run: Run) -> None:
        """What one message changes."""
        kind = message.WhichOneof("type")
        if kind == "delta":
            self._take_delta(message, run)
        elif kind == "new_session":
            self._session = message.new_session.initialize.session_id or self._session
        elif kind == "navigation":
            pages = message.navigation.app_pages
            self._hashes = {"" if page.is_default else page.url_pathname: page.page_script_hash for page in pages}
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        elif kind == "auto_rerun":
            every_s = message.auto_rerun.interval
            self._refreshes[message.auto_rerun.fragment_id] = every_s, time.monotonic() + every_s
        elif kind == "stop_auto_rerun":
            self._refreshes.pop(message.stop_auto_rerun.fragment_id, None)
        elif kind == "page_not_found":
            run.problems.append("there is no such page")

    def _take_delta(self, message: ForwardMsg, run: Run) -> None:
        path, delta = tuple(message.metadata.delta_path), message.delta
        kind = delta.WhichOneof("type")
        if kind == "add_block":
            self._elements[path] = delta.add_block
        if kind != "new_element":
            return
        element = delta.new_element
        self._elements[path] = element
        if element.WhichOneof("type") == "exception":
            run.problems.append(f"{element.exception.type}: {element.exception.message}")
        elif element.alert.format == Alert.ERROR and SEEDED_FAILURE not in element.alert.body:
            run.problems.append(element.alert.body)

    def _widget(self, path: tuple[int, ...], element: Any) -> Iterator[Widget]:
        kind = element.WhichOneof("type")
        if kind == "tab_container":
            labels = [
                other.tab.label
                for place, other in self._elements.items()
                if place[:-1] == path and other.WhichOneof("type") == "tab"
            ]
            yield Widget("tabs", element.tab_container.id or element.id, "", tuple(labels))
            return
        body = getattr(element, kind) if kind else None
        if not hasattr(body, "id") or not hasattr(body, "label"):
            return
        options: tuple[str, ...] = ()
        with suppress(AttributeError):
            options = tuple(getattr(each, "content", each) for each in body.options)
        yield Widget(
            kind, body.id, body.label, options, getattr(body, "form_id", ""), bool(getattr(body, "disabled", False))
        )


def pressed(widget: Widget) -> WidgetState:
    """A button that was pressed."""
    return WidgetState(id=widget.widget_id, trigger_value=True)


def said(widget: Widget, value: str) -> WidgetState:
    """A widget whose value is this text: what was typed, or chosen."""
    if widget.kind == "button_group":
        state = WidgetState(id=widget.widget_id)
        state.string_array_value.data.append(value)
        return state
    return WidgetState(id=widget.widget_id, string_value=value)


def switched(widget: Widget, on: bool) -> WidgetState:
    """A switch that was set."""
    return WidgetState(id=widget.widget_id, bool_value=on)
