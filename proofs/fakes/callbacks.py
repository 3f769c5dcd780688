"""Delivers webhooks and callbacks from the ledger: signed at each try, retried, resumed."""

import http.client
import threading
import time
import urllib.parse
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from proofs.fakes.ledger import Delivery, Ledger

Sign = Callable[[str, bytes], dict[str, str]]

# 0.5, 1, 2, 4, 5, 5, 5 … seconds between tries: a receiver that restarts is met again.
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 5.0
ANSWER_SECONDS = 10.0
IDLE_SECONDS = 0.05
SENDERS = 4


class Courier:
    """One thread that looks for due deliveries and a few that make them.

    What was pending when the process died goes out after the restart. `sign(url, body)`
    returns the headers that prove the sender. Redirects are not followed; 2xx is success.
    """

    def __init__(self, ledger: Ledger, sign: Sign, *, tries: int) -> None:
        self._ledger = ledger
        self._sign = sign
        self._tries = tries
        self._busy: set[int] = set()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fake-courier")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        with ThreadPoolExecutor(SENDERS, "fake-callback") as pool:
            while not self._stopping.wait(IDLE_SECONDS):
                # Looked at before the ledger is: one that ends in between is settled
                # by then, and a stale row of it must not go out a second time.
                with self._lock:
                    busy = set(self._busy)
                for due in self._ledger.deliveries(due_by=time.time()):
                    if due.seq not in busy:
                        with self._lock:
                            self._busy.add(due.seq)
                        pool.submit(self._deliver, due)

    def _deliver(self, due: Delivery) -> None:
        try:
            if self._stopping.is_set():
                return
            answer = self._post(due)
            state = "delivered" if answer.startswith("2") else "pending"
            if state == "pending" and due.tries + 1 >= self._tries:
                state = "given_up"
            pause = min(FIRST_PAUSE_SECONDS * 2**due.tries, LONGEST_PAUSE_SECONDS)
            self._ledger.settle_delivery(
                due.seq, state=state, answer=answer, due_at=time.time() + pause
            )
        finally:
            with self._lock:
                self._busy.discard(due.seq)

    def _post(self, due: Delivery) -> str:
        """The status as text, or the name of what went wrong."""
        parts = urllib.parse.urlsplit(due.url)
        kind = (
            http.client.HTTPSConnection
            if parts.scheme == "https"
            else http.client.HTTPConnection
        )
        body = due.body.encode()
        headers = {"Content-Type": due.content_type, **self._sign(due.url, body)}
        connection = kind(parts.netloc, timeout=ANSWER_SECONDS)
        try:
            target = urllib.parse.urlunsplit(
                ("", "", parts.path or "/", parts.query, "")
            )
            connection.request("POST", target, body, headers)
            return str(connection.getresponse().status)
        except (OSError, http.client.HTTPException) as exc:
            return type(exc).__name__
        finally:
            connection.close()
