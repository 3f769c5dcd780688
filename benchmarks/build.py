"""A mail from its words to its bytes, beside Django's way of doing it."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks import _mails
from benchmarks._figures import Measured, interleaved, tell
from benchmarks._stage import stage
from proofs.processes import free_port

MAILS = 500


def main() -> None:
    with stage(EMAIL_URL=f"smtp://127.0.0.1:{free_port()}"):
        _mails.make_links(MAILS)
        _mails.make_due(MAILS, "build")
        mails = _outgoing()
        tell(
            "build",
            interleaved(
                {
                    "product": partial(_timed, _by_product, mails),
                    "django": partial(_timed, _by_django, mails),
                }
            ),
            ["product/django"],
            unit="messages/s",
        )


def _outgoing() -> list[Any]:
    """What the channel is given for each message that is due."""
    from notifications.services import claims, contents, delivery

    held = claims.claim(MAILS)
    messages = [each.message for each in held]
    ready, _broken = contents.prepare(messages)
    urls = contents.addresses(messages)
    return [
        delivery.outgoing_of(each, ready[each.message.pk], urls[each.message.pk], "")
        for each in held
    ]


def _by_product(mail: Any) -> bytes:
    from notifications.channels import mime

    return mime.build(mail, "<msg@shop.example>")


def _by_django(mail: Any) -> bytes:
    from django.core.mail import EmailMultiAlternatives

    made = EmailMultiAlternatives(
        mail.subject,
        mail.text,
        mail.sender,
        [mail.recipient],
        headers={"Message-ID": "<msg@shop.example>"},
    )
    made.attach_alternative(mail.html, "text/html")
    written: Any = made.message()
    return bytes(written.as_bytes(linesep="\r\n"))


def _timed(build: Callable[[Any], bytes], mails: list[Any], _round: int) -> Measured:
    started, cpu = time.perf_counter(), time.process_time()
    for mail in mails:
        build(mail)
    seconds = time.perf_counter() - started
    cpu_ms = 1000 * (time.process_time() - cpu) / len(mails)
    return Measured(rate=len(mails) / seconds, p95_ms=0.0, cpu_ms=cpu_ms)


if __name__ == "__main__":
    main()
