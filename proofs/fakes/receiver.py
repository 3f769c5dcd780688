"""An address that takes webhooks and remembers them, in memory."""

import threading
import time
from typing import Self

from proofs.fakes.web import Answer, Fake, FakeServer, Request


class Receiver(Fake):
    """Answers `statuses` in turn, then 200 for ever; `received` holds every request."""

    def __init__(self, *, statuses: tuple[int, ...] = ()) -> None:
        self.received: list[Request] = []
        self._statuses = list(statuses)
        self._arrived = threading.Condition()

    def handle(self, request: Request) -> Answer:
        with self._arrived:
            self.received.append(request)
            self._arrived.notify_all()
            return Answer(self._statuses.pop(0) if self._statuses else 200)

    def wait_for(self, count: int, *, timeout: float = 10.0) -> list[Request]:
        """The requests so far, once there are `count`. Raises TimeoutError."""
        deadline = time.monotonic() + timeout
        with self._arrived:
            while len(self.received) < count:
                if not self._arrived.wait(deadline - time.monotonic()):
                    raise TimeoutError(f"{len(self.received)} of {count} arrived")
            return list(self.received)


class ReceiverServer(FakeServer):
    """A Receiver on its own loopback port."""

    def __init__(self, *, statuses: tuple[int, ...] = ()) -> None:
        self.receiver = Receiver(statuses=statuses)
        super().__init__(self.receiver)

    def start(self) -> Self:
        super().start()
        return self
