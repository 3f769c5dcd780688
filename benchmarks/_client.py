"""A load generator: some kept-alive connections in a process of its own."""

import selectors
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

PROCESSES = 2
WAIT_SECONDS = 60.0
_LENGTH = b"\r\ncontent-length:"


@dataclass(frozen=True)
class Load:
    """`latencies` in seconds, one an answered request; `statuses`: code → how many."""

    seconds: float
    latencies: list[float]
    statuses: dict[int, int]

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds

    def percentile_ms(self, percent: int) -> float:
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(len(ordered) * percent // 100, len(ordered) - 1)]


class Clients:
    """Processes that send; started once, because starting them is no part of a figure."""

    def __init__(self) -> None:
        self._pool = ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn"))
        for _ in self._pool.map(abs, range(PROCESSES)):
            pass

    def send(self, port: int, requests: list[bytes], *, connections: int) -> Load:
        """Every request once, each connection its next when the last is answered."""
        shares = [requests[start::PROCESSES] for start in range(PROCESSES)]
        started = time.perf_counter()
        parts = list(
            self._pool.map(
                _send, [port] * PROCESSES, shares, [connections // PROCESSES] * 2
            )
        )
        seconds = time.perf_counter() - started
        statuses: dict[int, int] = {}
        for _latencies, codes in parts:
            for code in codes:
                statuses[code] = statuses.get(code, 0) + 1
        return Load(seconds, [one for part in parts for one in part[0]], statuses)

    def close(self) -> None:
        self._pool.shutdown()


def get(path: str, *, cookie: str = "") -> bytes:
    more = f"Cookie: {cookie}\r\n" if cookie else ""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{more}\r\n".encode()


def post(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _send(
    port: int, requests: list[bytes], connections: int
) -> tuple[list[float], list[int]]:
    waiting = iter(requests)
    latencies: list[float] = []
    codes: list[int] = []
    with selectors.DefaultSelector() as selector:
        for _ in range(connections):
            peer = socket.create_connection(("127.0.0.1", port), timeout=WAIT_SECONDS)
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(peer, selectors.EVENT_READ, _Answer())
            _send_next(selector, peer, waiting)
        while selector.get_map():
            ready = selector.select(WAIT_SECONDS)
            if not ready:
                raise TimeoutError("The server did not answer.")
            for key, _events in ready:
                answer: _Answer = key.data
                peer = key.fileobj  # type: ignore[assignment]
                if not answer.feed(peer.recv(65536)):
                    continue
                latencies.append(time.perf_counter() - answer.started)
                codes.append(answer.code)
                _send_next(selector, peer, waiting)
    return latencies, codes


def _send_next(
    selector: selectors.BaseSelector, peer: socket.socket, waiting: Iterator[bytes]
) -> None:
    request = next(waiting, None)
    if request is None:
        selector.unregister(peer)
        peer.close()
        return
    selector.get_key(peer).data.begin()
    peer.sendall(request)


class _Answer:
    """What has come of one answer."""

    def begin(self) -> None:
        self.started = time.perf_counter()
        self.data = b""

    def feed(self, more: bytes) -> bool:
        """Whether the answer is whole now."""
        if not more:
            raise ConnectionError(f"The server hung up after {self.data[:200]!r}.")
        self.data += more
        head, found, body = self.data.partition(b"\r\n\r\n")
        if not found:
            return False
        _before, named, after = head.lower().partition(_LENGTH)
        if not named:
            raise ConnectionError(f"No length in {head[:300]!r}.")
        return len(body) >= int(after.partition(b"\r\n")[0])

    @property
    def code(self) -> int:
        return int(self.data[9:12])
