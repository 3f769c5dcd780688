"""Personal mails that are due, a worker that sends them, and a server that takes them."""

import sys
import time

from benchmarks._stage import Stage
from proofs.processes import ChildProcess, descendants
from proofs.shop import ROOT, command

WAIT_SECONDS = 900.0
POLL_SECONDS = 0.05


def mail_server(stage: Stage, port: int) -> ChildProcess:
    process = ChildProcess(
        "sink",
        [sys.executable, "-m", "benchmarks._sink", str(port)],
        log_file=stage.folder / "sink.log",
        cwd=ROOT,
    )
    stage.stack.callback(process.kill)
    process.start().wait_for_line("ready")
    return process


def worker(stage: Stage) -> ChildProcess:
    """Celery as the Procfile starts it: two processes."""
    process = ChildProcess(
        "worker",
        command("worker"),
        log_file=stage.folder / "worker.log",
        env=stage.variables,
        cwd=ROOT,
    )
    stage.stack.callback(process.kill)
    process.start().wait_for_line(r"\[queues\]", timeout=60)
    return process


def tasks_run() -> int:
    """How many tasks of sending the worker has taken up, by its own count."""
    from merchant_portal.celery import app

    (stats,) = app.control.inspect(timeout=10).stats().values()
    return int(stats["total"].get("notifications.tasks.send_due", 0))


def resident_kb(process: ChildProcess) -> list[int]:
    """Memory of each process of the pool."""
    found = []
    for pid in descendants(process.pid):
        with open(f"/proc/{pid}/status") as status:
            found += [
                int(line.split()[1]) for line in status if line.startswith("VmRSS")
            ]
    return found


def make_links(count: int, *, with_invoice: bool = False) -> None:
    """Links that wait for their money, each of another customer with their own name.

    Their mails carry no invoice, unless that is measured.
    """
    from django.db import connection

    from benchmarks._rows import multiply
    from customers.models import Customer
    from merchant_portal.business.models import Business
    from merchant_portal.lib import clock

    multiply(count)
    Business.objects.update_or_create(pk=1, defaults={"attaches_invoice": with_invoice})
    now = clock.now()
    people = Customer.objects.bulk_create(
        [
            Customer(
                name=f"Ada Lovelace {number}",
                language="en",
                time_zone="Europe/Berlin",
                created_at=now,
                updated_at=now,
            )
            for number in range(count)
        ],
        batch_size=1_000,
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE links_paymentlink SET status = 'active', customer_id = %s + id %% %s",
            [people[0].pk, count],
        )


def make_due(count: int, name: str) -> None:
    """An invitation for each of so many links; nobody is told that it is due."""
    from links.models import PaymentLink
    from merchant_portal.lib import queue
    from notifications.services import outbox

    references = PaymentLink.objects.order_by("pk").values_list("public_id", flat=True)
    with queue.silenced():
        outbox.enqueue_many(
            [
                outbox.NewMessage(
                    kind="invitation",
                    channel="email",
                    recipient=f"ada{number}@example.com",
                    language="en",
                    reference=reference,
                    dedupe_key=f"{name}-{number}",
                )
                for number, reference in enumerate(references[:count])
            ]
        )


def send_all() -> float:
    """Seconds from the wake-up until every message is sent and written down."""
    from merchant_portal.lib import queue
    from notifications.models import Message
    from notifications.models.messages import UNFINISHED
    from notifications.services import outbox

    started = time.perf_counter()
    queue.nudge(outbox.SEND_DUE)
    # One state after the other, because each has an index and both together have none.
    while any(Message.objects.filter(state=state).exists() for state in UNFINISHED):
        if time.perf_counter() - started > WAIT_SECONDS:
            raise ValueError("Not everything was sent.")
        time.sleep(POLL_SECONDS)
    seconds = time.perf_counter() - started
    states = Message.objects.exclude(state="sent").values_list("state", "last_error")
    if states:
        raise ValueError(f"Not everything was sent: {states[:3]}")
    return seconds
