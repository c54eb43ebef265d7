"""Our own page, from this host's loopback: WebGPU and WebNN exist only in a secure context, and there it is one.

On ``about:blank`` or by the host's name on the network the same browser would say that it knows neither.
"""

from __future__ import annotations

import contextlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

SCRIPTS: Final = ("webgpu.js", "webnn.js")


def page() -> bytes:
    """Return the page: nothing to see, and the functions of the scripts."""
    scripts = (Path(__file__).with_name(name).read_text("utf-8") for name in SCRIPTS)
    body = "".join(f"<script>\n{script}</script>\n" for script in scripts)
    return f'<!doctype html>\n<meta charset="utf-8">\n<title>disttest</title>\n{body}'.encode()


@contextlib.contextmanager
def served(content: bytes, address: str = "127.0.0.1") -> Iterator[str]:
    """Yield the page's address while a thread serves *content* there, on a free port."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    with http.server.ThreadingHTTPServer((address, 0), Answer) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield f"http://{address}:{server.server_address[1]}/"
        finally:
            server.shutdown()
