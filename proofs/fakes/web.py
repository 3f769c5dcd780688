"""The small web server under the HTTP fakes: loopback only, one thread a connection."""

import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from proofs.fakes.ledger import Ledger

# More than any client here sends; a larger body is refused unread.
MAX_BODY_BYTES = 1_000_000


@dataclass(frozen=True)
class Request:
    """One request; `path` without query, header names in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def target(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


@dataclass(frozen=True)
class Answer:
    """What to send back; `data` as JSON, `page` as HTML, `text` as it is, or nothing."""

    status: int
    data: Any = None
    page: str = ""
    text: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    def encoded(self) -> tuple[str, bytes]:
        if self.page:
            return "text/html; charset=utf-8", self.page.encode()
        if self.data is None:
            return "text/plain; charset=utf-8", self.text.encode()
        return "application/json", json.dumps(self.data).encode()


class HangUp(Exception):
    """Raised by a fake: keep the caller waiting, then close without any answer."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"hang {seconds:g} s")
        self.seconds = seconds


class Fake(ABC):
    """A fake service behind a FakeServer."""

    ledger: Ledger
    base_url = ""

    @abstractmethod
    def handle(self, request: Request) -> Answer:
        """Answer one request; called from many threads. May raise HangUp."""

    def start(self) -> None:  # noqa: B027
        """Called when the address is known and before the first request."""

    def stop(self) -> None:  # noqa: B027
        """Called after the last request."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, port: int, fake: Fake) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.fake = fake
        self.stopping = threading.Event()


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    # Head and body leave in one packet; else Nagle and delayed ACK cost 40 ms a call.
    wbufsize = -1
    disable_nagle_algorithm = True
    timeout = 120

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing; the ledger knows."""

    def _serve(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > MAX_BODY_BYTES:
            self.close_connection = True
            self._send(Answer(413, {"error": {"type": "invalid_request_error"}}))
            return
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            # the caller died while it wrote: half a request is none
            self.close_connection = True
            return
        path, _, query = self.path.partition("?")
        request = Request(
            method=self.command,
            path=path,
            query=query,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
        )
        try:
            answer = self.server.fake.handle(request)
        except HangUp as silence:
            self.server.stopping.wait(silence.seconds)
            self.close_connection = True
            return
        self._send(answer)

    def _send(self, answer: Answer) -> None:
        content_type, body = answer.encoded()
        try:
            self.send_response(answer.status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True


class FakeServer:
    """Serves a fake on 127.0.0.1 from threads of this process; a context manager."""

    def __init__(self, fake: Fake, *, port: int = 0) -> None:
        self.fake = fake
        self._server = _Server(port, fake)
        self.port = int(self._server.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}"
        fake.base_url = self.url
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name=f"fake-{self.port}"
        )

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> Self:
        self.fake.start()
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop serving, free the port, stop the fake's own threads."""
        self._server.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self.fake.stop()
