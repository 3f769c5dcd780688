"""Personal mails, from due row to sent and recorded, beside one smtplib connection."""

import smtplib
import time
from operator import sub
from typing import Any

from benchmarks import _mails
from benchmarks._figures import ROUNDS, Measured, interleaved, say
from benchmarks._stage import cpu_seconds, stage
from proofs.processes import free_port

MAILS = 20_000  # some seconds: the wake-up and the last look weigh little
MOST_TASKS = 10.0  # of 1,000 messages


def main() -> None:
    port = free_port()
    with stage(EMAIL_URL=f"smtp://127.0.0.1:{port}") as open_stage:
        sink = _mails.mail_server(open_stage, port)
        _mails.make_links(MAILS)
        worker = _mails.worker(open_stage)
        pids = [worker.pid, open_stage.postgres_pid, sink.pid]
        cpu: dict[str, list[float]] = {"worker": [], "postgres": [], "sink": []}

        def product(number: int) -> Measured:
            _mails.make_due(MAILS, f"round-{number}")
            before = [cpu_seconds(pid) for pid in pids]
            seconds = _mails.send_all()
            after = [cpu_seconds(pid) for pid in pids]
            for name, used in zip(cpu, map(sub, after, before), strict=True):
                cpu[name].append(1000 * used / MAILS)
            return _of(seconds)

        def smtp(_round: int) -> Measured:
            mails = ready_bytes()
            started = time.perf_counter()
            with smtplib.SMTP("127.0.0.1", port) as connection:
                for recipient, mail in mails:
                    connection.sendmail("shop@localhost.example", [recipient], mail)
            return _of(time.perf_counter() - started)

        rounds = interleaved({"product": product, "smtplib": smtp})
        pairs = zip(rounds["product"], rounds["smtplib"], strict=True)
        say("dispatch", "product/smtplib", [a.rate / b.rate for a, b in pairs], "x")
        tasks = 1_000 * _mails.tasks_run() / (MAILS * (ROUNDS + 1))
        say("dispatch", "tasks", [tasks], "per 1,000 messages")
        for name, seen in rounds.items():
            say("dispatch", name, [one.rate for one in seen], "messages/s")
        for name, used in cpu.items():
            say("dispatch", f"{name} cpu", used[1:], "ms a message")


def _of(seconds: float) -> Measured:
    return Measured(rate=MAILS / seconds, p95_ms=0.0, cpu_ms=0.0)


def ready_bytes() -> list[tuple[str, bytes]]:
    """The mails of the last round, as Django would write them."""
    from django.core.mail import EmailMultiAlternatives

    from notifications.models import MessageContent

    made = []
    for row in MessageContent.objects.select_related("message").order_by("-pk")[:MAILS]:
        mail = EmailMultiAlternatives(
            row.subject, row.text, row.sender, [row.message.recipient]
        )
        mail.attach_alternative(row.html, "text/html")
        written: Any = mail.message()
        made.append((row.message.recipient, written.as_bytes(linesep="\r\n")))
    return made


if __name__ == "__main__":
    main()
