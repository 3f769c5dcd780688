"""Personal mails with their invoices, from due row to sent, beside a loop that draws the
same invoice with bare Typst and sends the ready mail over one smtplib connection."""

import smtplib
import time
from collections.abc import Callable
from email.message import EmailMessage

from benchmarks import _mails, pdf
from benchmarks._figures import Measured, interleaved, say
from benchmarks._stage import stage
from proofs.processes import free_port

MAILS = 1_000


def main() -> None:
    port = free_port()
    with stage(EMAIL_URL=f"smtp://127.0.0.1:{port}") as open_stage:
        _mails.mail_server(open_stage, port)
        _mails.make_links(MAILS, with_invoice=True)
        _mails.worker(open_stage)
        draws = pdf.bare(MAILS)

        def product(number: int) -> Measured:
            _mails.make_due(MAILS, f"round-{number}")
            return _of(_mails.send_all())

        def raw(_round: int) -> Measured:
            return _of(_loop(port, draws))

        rounds = interleaved({"product": product, "typst and smtplib": raw})
        pairs = zip(*rounds.values(), strict=True)
        say("invoices", "product/raw", [a.rate / b.rate for a, b in pairs], "x")
        for name, seen in rounds.items():
            say("invoices", name, [one.rate for one in seen], "mails/s")


def _loop(port: int, draws: list[Callable[[], bytes]]) -> float:
    """Seconds to draw each invoice and send it with the words of the last round."""
    from notifications.models import MessageContent

    contents = MessageContent.objects.select_related("message").order_by("-pk")[:MAILS]
    words = [
        (row.message.recipient, row.subject, row.text, row.html) for row in contents
    ]
    started = time.perf_counter()
    with smtplib.SMTP("127.0.0.1", port) as connection:
        for (recipient, subject, text, html), draw in zip(words, draws, strict=True):
            mail = EmailMessage()
            mail["Subject"], mail["To"] = subject, recipient
            mail["From"] = "shop@localhost.example"
            mail.set_content(text)
            mail.add_alternative(html, subtype="html")
            mail.add_attachment(
                draw(), maintype="application", subtype="pdf", filename="invoice.pdf"
            )
            connection.send_message(mail)
    return time.perf_counter() - started


def _of(seconds: float) -> Measured:
    return Measured(rate=MAILS / seconds, p95_ms=0.0, cpu_ms=0.0)


if __name__ == "__main__":
    main()
