"""Record what an example sends to `recorded/`: `python tests/otlp/record.py docs/examples/langchain_rag.py`.

Run it with the Python in which the example's packages are installed. Of several requests the records are one after the other in one
message, as the protocol allows.
"""

import gzip
import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

RECORDED = Path(__file__).parent / "recorded"


def record(example: Path) -> bytes:
    """Run an example; all that it sent to `/v1/traces`, as one `ExportTraceServiceRequest`."""
    received: list[bytes] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/v1/traces":
                received.append(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    Thread(target=server.serve_forever, daemon=True).start()
    address = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{server.server_port}"}
    subprocess.run([sys.executable, str(example)], env={**os.environ, **address}, check=True)
    server.shutdown()
    return b"".join(received)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        path = RECORDED / f"{Path(name).stem}.pb.gz"
        path.write_bytes(gzip.compress(record(Path(name)), mtime=0))
        print(f"{path}: {path.stat().st_size:,} bytes")
