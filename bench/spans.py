"""Somewhere to send spans to: it takes them and forgets them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from libs.common.tracing import ENDPOINT


class _Taker(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *values: Any) -> None:
        pass


@contextmanager
def taken() -> Iterator[dict[str, str]]:
    """What a service must have in its environment to send its spans here."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Taker)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield {ENDPOINT: f"http://127.0.0.1:{server.server_port}"}
    finally:
        server.shutdown()
        server.server_close()
