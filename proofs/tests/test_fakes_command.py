"""Each fake as its own process."""

import base64
import json
import signal
import smtplib
import sys
from email.message import EmailMessage
from pathlib import Path

from proofs.fakes.ledger import Ledger
from proofs.fakes.paypal import WEBHOOKS
from proofs.processes import ChildProcess, assert_none_left
from proofs.tests.square_peer import ask
from proofs.tests.stripe_peer import client, post, session_params

ROOT = Path(__file__).resolve().parent.parent.parent


def fake(tmp_path: Path, name: str, *options: str) -> tuple[ChildProcess, Path]:
    ledger = tmp_path / f"{name}.sqlite3"
    argv = [sys.executable, "-m", "proofs.fakes", name, "--ledger", str(ledger)]
    log = tmp_path / f"{name}.log"
    return ChildProcess(name, [*argv, *options], log_file=log, cwd=ROOT), ledger


def ready(process: ChildProcess) -> dict[str, str]:
    line: dict[str, str] = json.loads(process.wait_for_line(r"^\{.*\}$")[0])
    return line


def test_stripe_keeps_its_books_over_kill_and_restart(tmp_path: Path) -> None:
    process, path = fake(tmp_path, "stripe", "--key", "sk_test_7")
    with process:
        url = ready(process)["url"]
        params = session_params()
        sessions = client(url, "sk_test_7").v1.checkout.sessions
        made = sessions.create(params, {"idempotency_key": "k"})  # type: ignore[arg-type]
        assert made.url is not None
        assert made.url.startswith(f"{url}/pay/")
        post(made.url, "outcome=pay")
        process.kill()

        process.start()

        again = client(ready(process)["url"], "sk_test_7").v1.checkout.sessions
        assert again.retrieve(made.id).payment_status == "paid"
        replay = again.create(params, {"idempotency_key": "k"})  # type: ignore[arg-type]
        assert replay.id == made.id

    assert process.returncode == 0
    assert_none_left([process])
    with Ledger(path).closing() as ledger:
        assert [row["id"] for row in ledger.objects("checkout.session")] == [made.id]


def test_square_starts_and_refuses_strangers(tmp_path: Path) -> None:
    process, path = fake(tmp_path, "square", "--currency", "EUR")
    with process:
        url = ready(process)["url"]
        token = {"Authorization": "Bearer square-fake-token"}
        assert ask("GET", f"{url}/v2/locations", "", {}).status == 401
        [place] = ask("GET", f"{url}/v2/locations", "", token).body["locations"]
        assert place["currency"] == "EUR"

    with Ledger(path).closing() as ledger:
        assert [call.status for call in ledger.calls()] == [401, 200]


def test_paypal_starts_and_refuses_strangers(tmp_path: Path) -> None:
    root = tmp_path / "root.pem"
    process, path = fake(tmp_path, "paypal", "--root", str(root))
    with process:
        url = ready(process)["url"]
        assert ask("GET", f"{url}{WEBHOOKS}", "", {}).status == 401
        pair = base64.b64encode(b"paypal-fake-client:paypal-fake-secret").decode()
        basic = {"Authorization": f"Basic {pair}"}
        grant = "grant_type=client_credentials"
        bought = ask("POST", f"{url}/v1/oauth2/token", grant, basic).body
        bearer = {"Authorization": f"Bearer {bought['access_token']}"}
        assert ask("GET", f"{url}{WEBHOOKS}", "", bearer).body == {"webhooks": []}

    assert root.read_text().startswith("-----BEGIN CERTIFICATE-----")
    with Ledger(path).closing() as ledger:
        assert [call.status for call in ledger.calls()] == [401, 200, 200]


def test_twilio_starts_and_refuses_strangers(tmp_path: Path) -> None:
    process, _ = fake(tmp_path, "twilio")
    with process:
        url = ready(process)["url"]
        assert post(f"{url}/2010-04-01/Accounts/AC0/Messages.json", "").status == 401
        process.signal(signal.SIGINT)
        assert process.wait(timeout=15) == 0


def test_smtp_starts_with_a_control_address(tmp_path: Path) -> None:
    process, path = fake(tmp_path, "smtp")
    with process:
        said = ready(process)
        control = f"{said['control_url']}/_control"
        assert post(control, '{"refuse_data": false}').status == 200
        message = EmailMessage()
        message["From"], message["To"] = "a@example.com", "b@example.com"
        message["Message-ID"] = "<9@example.com>"
        port = int(said["url"].rpartition(":")[2])
        with smtplib.SMTP("127.0.0.1", port, timeout=5) as smtp:
            smtp.send_message(message)

    with Ledger(path).closing() as ledger:
        assert ledger.objects("mail")[0]["message_id"] == "<9@example.com>"
