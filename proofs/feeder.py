"""Work for a shop under blows: links made, sent and paid, and what of it was acknowledged.

Each request is repeated with its key until it is answered; only what was answered is
written to the ledger, one JSON line an acknowledgement, before the next step.
"""

import itertools
import json
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from proofs import http
from proofs.desk import Customer, link_body
from proofs.outside import Outside
from proofs.shop import Shop

THREADS = 24  # most of them wait for their customer to pay
PAUSE_SECONDS = 0.3
PATIENCE_SECONDS = 240.0
AGAIN = {409, 429, 500, 502, 503, 504}
# A page asks its visitor to try again by 303 to itself.


class Ledger:
    """What the shop acknowledged, on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()

    def write(self, **fields: Any) -> None:
        with self._lock, self.path.open("a") as file:
            file.write(f"{json.dumps(fields)}\n")

    def entries(self, what: str) -> list[dict[str, Any]]:
        """Entries of the kind, oldest first."""
        if not self.path.exists():
            return []
        lines = map(json.loads, self.path.read_text().splitlines())
        return [line for line in lines if line["what"] == what]


class Feeder:
    """Makes `count` links evenly over `seconds`, sends each, and pays each a while later."""

    def __init__(
        self, shop: Shop, outside: Outside, ledger: Ledger, *, seed: int
    ) -> None:
        self._shop = shop
        self._outside = outside
        self._ledger = ledger
        self._chance = random.Random(seed)  # noqa: S311  to be repeated, no secret

    @contextmanager
    def running(self, count: int, seconds: float) -> Iterator[Callable[[], None]]:
        """Feeds in threads; gives a function that waits for the last acknowledgement."""
        started = time.monotonic()
        pays = [self._chance.uniform(1.0, 12.0) for _ in range(count)]
        with ThreadPoolExecutor(THREADS, "feeder") as pool:
            jobs = [
                pool.submit(
                    self._serve,
                    number,
                    started + number * seconds / count,
                    pays[number],
                )
                for number in range(count)
            ]
            yield lambda: _raise_first(jobs)

    def _serve(self, number: int, at: float, pay_after: float) -> None:
        time.sleep(max(0.0, at - time.monotonic()))
        customer = self._make_customer(number)
        link = self._ask("links", link_body(customer), f"link-{number}", 201)
        self._ledger.write(
            what="link",
            id=link["id"],
            email=customer.email,
            phone=customer.phone,
            **link["amount"],
        )
        sent = self._ask(
            f"links/{link['id']}/send",
            {"channels": ["email", "sms"]},
            f"send-{number}",
            202,
        )
        for message in sent["messages"]:
            self._ledger.write(what="message", id=message["id"], link=link["id"])
        time.sleep(pay_after)
        self._pay(link)

    def _make_customer(self, number: int) -> Customer:
        email, phone = f"ada{number}@example.com", f"+1415555{number + 100:04d}"
        body = {"name": "Ada Lovelace", "email": email, "phone": phone}
        answer = self._ask(
            "customers", {**body, "time_zone": "UTC"}, f"customer-{number}", 201
        )
        return Customer(answer["id"], email, phone)

    def _ask(
        self, path: str, body: dict[str, Any], key: str, status: int
    ) -> dict[str, Any]:
        answer = self._insist(lambda: self._shop.api_post(path, body, key=key), status)
        return answer.data

    def _pay(self, link: dict[str, Any]) -> None:
        """Press "pay" on the page until it leads to Stripe, and pay there."""
        page = f"{link['url']}pay/stripe/"
        for _ in tries():
            opened = self._insist(lambda: http.post(page), 303)
            if opened.location.startswith(self._outside.stripe_url):
                break
            time.sleep(PAUSE_SECONDS)
        done = self._outside.press(opened.location, "pay")
        assert done.status == 303, (done.status, done.text)
        self._ledger.write(what="paid", link=link["id"])

    @staticmethod
    def _insist(ask: Callable[[], http.Answer], status: int) -> http.Answer:
        """Repeat while there is no answer or it says "again"; else it must be `status`."""
        for _ in tries():
            try:
                answer = ask()
            except http.Hung:
                time.sleep(PAUSE_SECONDS)
                continue
            if answer.status == status:
                return answer
            assert answer.status in AGAIN, (answer.status, answer.text[:500])
            time.sleep(PAUSE_SECONDS)
        raise AssertionError("unreachable: tries() ends by raising")


def _raise_first(jobs: Sequence[Future[None]]) -> None:
    for job in jobs:
        job.result()


def tries() -> Iterator[int]:
    """Counts up; AssertionError when patience is at its end."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    for number in itertools.count():
        assert time.monotonic() < deadline, f"no use after {number} tries"
        yield number
