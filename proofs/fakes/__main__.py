"""One fake as its own process: `python -m proofs.fakes stripe --ledger FILE …`.

Prints one JSON line when it is ready, ends on SIGTERM or SIGINT, binds 127.0.0.1 only.
"""

import argparse
import json
import os
import signal
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from proofs.fakes.ledger import Ledger
from proofs.fakes.mail_api import DIALECTS, MailApiFake
from proofs.fakes.paypal import CLIENT_ID, TOKEN_SECONDS, WEBHOOK_ID, PayPalFake
from proofs.fakes.smtp_sink import SmtpServer, SmtpSink
from proofs.fakes.square import LOCATION_ID, SquareFake
from proofs.fakes.stripe import StripeFake
from proofs.fakes.twilio import TwilioFake
from proofs.fakes.web import FakeServer
from proofs.vendor_specs import VARIABLE


def main(argv: Sequence[str] | None = None) -> None:
    options = parser().parse_args(argv)
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    with ExitStack() as stack:
        ledger = stack.enter_context(Ledger(options.ledger).closing())
        ready = STARTERS[options.fake](options, ledger, stack)
        print(json.dumps(ready), flush=True)
        done.wait()


def stripe(
    options: argparse.Namespace, ledger: Ledger, stack: ExitStack
) -> dict[str, str]:
    fake = StripeFake(
        ledger,
        key=options.key,
        secret=options.secret,
        webhook_url=options.webhook_url,
        events=tuple(filter(None, options.events.split(","))),
        specs=options.specs,
        currency=options.currency,
    )
    server = stack.enter_context(FakeServer(fake, port=options.port))
    return {"url": server.url}


def square(
    options: argparse.Namespace, ledger: Ledger, stack: ExitStack
) -> dict[str, str]:
    fake = SquareFake(
        ledger,
        key=options.key,
        secret=options.secret,
        webhook_url=options.webhook_url,
        notification_url=options.notification_url,
        events=tuple(filter(None, options.events.split(","))),
        specs=options.specs,
        currency=options.currency,
        location_id=options.location,
    )
    server = stack.enter_context(FakeServer(fake, port=options.port))
    return {"url": server.url}


def paypal(
    options: argparse.Namespace, ledger: Ledger, stack: ExitStack
) -> dict[str, str]:
    fake = PayPalFake(
        ledger,
        client_id=options.client_id,
        secret=options.secret,
        webhook_id=options.webhook_id,
        webhook_url=options.webhook_url,
        events=tuple(filter(None, options.events.split(","))),
        specs=options.specs,
        token_seconds=options.token_seconds,
        root_path=options.root,
        cert_base=options.cert_base,
    )
    server = stack.enter_context(FakeServer(fake, port=options.port))
    return {"url": server.url}


def twilio(
    options: argparse.Namespace, ledger: Ledger, stack: ExitStack
) -> dict[str, str]:
    fake = TwilioFake(
        ledger,
        account_sid=options.account_sid,
        auth_token=options.auth_token,
        specs=options.specs,
        step_seconds=options.step_seconds,
    )
    server = stack.enter_context(FakeServer(fake, port=options.port))
    return {"url": server.url}


def smtp(
    options: argparse.Namespace, ledger: Ledger, stack: ExitStack
) -> dict[str, str]:
    login = (options.user, options.password) if options.user else None
    sink = SmtpSink(ledger, login=login)
    server = stack.enter_context(SmtpServer(sink, port=options.port))
    control = stack.enter_context(FakeServer(sink, port=options.control_port))
    return {"url": server.url, "control_url": control.url}


def mail_api(
    options: argparse.Namespace, ledger: Ledger, stack: ExitStack
) -> dict[str, str]:
    fake = MailApiFake(ledger, esp=options.esp, key=options.key)
    server = stack.enter_context(FakeServer(fake, port=options.port))
    return {"url": server.url}


STARTERS = {
    "stripe": stripe,
    "square": square,
    "paypal": paypal,
    "twilio": twilio,
    "smtp": smtp,
    "mail-api": mail_api,
}


def parser() -> argparse.ArgumentParser:
    specs = os.environ.get(VARIABLE)
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--port", type=int, default=0, help="0 picks a free one")
    shared.add_argument("--ledger", type=Path, required=True, help="SQLite file")
    judged = argparse.ArgumentParser(add_help=False)
    judged.add_argument(
        "--specs",
        type=Path,
        default=Path(specs) if specs else None,
        help=f"folder of the vendors' documents (default: {VARIABLE}; without: unchecked)",
    )
    whole = argparse.ArgumentParser(prog="python -m proofs.fakes", description=__doc__)
    kinds = whole.add_subparsers(dest="fake", required=True)
    one = kinds.add_parser("stripe", parents=[shared, judged])
    one.add_argument("--key", default="sk_test_fake")
    one.add_argument("--secret", default="whsec_fake")
    one.add_argument("--webhook-url", default="")
    one.add_argument("--events", default="", help="comma list; default: all")
    one.add_argument("--currency", default="usd")
    one = kinds.add_parser("square", parents=[shared, judged])
    one.add_argument("--key", default="square-fake-token")
    one.add_argument("--secret", default="square-fake-signature-key")
    one.add_argument("--webhook-url", default="")
    one.add_argument("--notification-url", default="", help="default: --webhook-url")
    one.add_argument("--events", default="", help="comma list; default: all")
    one.add_argument("--currency", default="USD")
    one.add_argument("--location", default=LOCATION_ID)
    one = kinds.add_parser("paypal", parents=[shared, judged])
    one.add_argument("--client-id", default=CLIENT_ID)
    one.add_argument("--secret", default="paypal-fake-secret")
    one.add_argument("--webhook-id", default=WEBHOOK_ID)
    one.add_argument("--webhook-url", default="")
    one.add_argument("--events", default="", help="comma list; default: all")
    one.add_argument("--root", type=Path, help="write the certificate to trust here")
    one.add_argument("--cert-base", default="", help="default: the fake's own address")
    one.add_argument("--token-seconds", type=int, default=TOKEN_SECONDS)
    one = kinds.add_parser("twilio", parents=[shared, judged])
    one.add_argument("--account-sid", default="AC" + "0" * 32)
    one.add_argument("--auth-token", default="fake-auth-token")
    one.add_argument("--step-seconds", type=float, default=0.2)
    one = kinds.add_parser("smtp", parents=[shared])
    one.add_argument("--control-port", type=int, default=0)
    one.add_argument("--user", default="", help="require AUTH")
    one.add_argument("--password", default="")
    one = kinds.add_parser("mail-api", parents=[shared])
    one.add_argument("--esp", choices=sorted(DIALECTS), default="postmark")
    one.add_argument("--key", default="fake-server-token")
    return whole


if __name__ == "__main__":
    main()
