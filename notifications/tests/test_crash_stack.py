"""A worker killed with -9 at each named point: nothing lost, no SMS twice."""

import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from proofs.fakes.ledger import Ledger
from proofs.fakes.smtp_sink import SmtpServer, SmtpSink
from proofs.fakes.twilio import TwilioFake
from proofs.fakes.web import FakeServer

pytestmark = pytest.mark.stack
ACCOUNT = "AC" + "0" * 32
MAILS, TEXTS = 3, 3
SEED = f"""
from merchant_portal.lib import clock
from notifications.models import Message, MessageContent
now = clock.now()
for channel, count in (("email", {MAILS}), ("sms", {TEXTS})):
    for number in range(count):
        row = Message.objects.create(
            kind="receipt", category="receipt", channel=channel, reference="plk_x",
            language="en", dedupe_key=f"{{channel}}{{number}}", due_at=now, created_at=now,
            recipient=f"a{{number}}@example.com" if channel == "email"
            else f"+1415555010{{number}}",
        )
        MessageContent.objects.create(
            message=row, sender="Shop <shop@shop.example>", subject="Thank you",
            text=f"Thank you {{row.public_id}}", html="<p>Thank you</p>", rendered_at=now,
        )
"""
SWEEP = "from notifications import tasks; tasks.sweep()"
LAPSE = """
from datetime import timedelta
from merchant_portal.lib import clock
from notifications.models import Message
Message.objects.filter(state="sending").update(
    lease_until=clock.database_now() - timedelta(seconds=1))
"""
STATES = """
from notifications.models import Message
for row in Message.objects.order_by("pk"): print(row.channel, row.public_id, row.state)
"""


class World:
    """One product with its own database, a mail server and an SMS carrier."""

    def __init__(self, home: Path, mail: Ledger, sms: Ledger, **env: str) -> None:
        self.mail, self.sms = mail, sms
        self._env = {
            **{k: v for k, v in os.environ.items() if not k.startswith("TWILIO_")},
            "VAR_DIR": str(home),
            "DATABASE_URL": f"sqlite:///{home / 'crash.sqlite3'}",
            "REDIS_URL": "",
            "DEFAULT_FROM_EMAIL": "shop@shop.example",
            **env,
        }

    def run(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=settings.BASE_DIR,
            env={**self._env, **env},
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )

    def shell(self, code: str, **env: str) -> str:
        done = self.run("shell", "--verbosity", "0", "-c", code, **env)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def recover(self) -> list[list[str]]:
        """Let the leases lapse, sweep, and tell (channel, id, state) of each message."""
        done = self.shell(LAPSE + SWEEP + STATES)
        return [line.split() for line in done.splitlines()]


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database that holds the messages, and the keys it was made with."""
    home = tmp_path_factory.mktemp("seeded")
    with Ledger(home / "none.sqlite3").closing() as unused:
        world = World(home, unused, unused)
        migrated = world.run("migrate", "--verbosity", "0")
        assert migrated.returncode == 0, migrated.stderr
        world.shell(SEED)
    return home


@pytest.fixture
def world(seeded: Path, tmp_path: Path) -> Iterator[World]:
    for name in ("crash.sqlite3", "keys.json"):
        shutil.copy(seeded / name, tmp_path)
    with (
        Ledger(tmp_path / "mail.sqlite3").closing() as mail,
        Ledger(tmp_path / "sms.sqlite3").closing() as sms,
    ):
        carrier = TwilioFake(sms, account_sid=ACCOUNT, auth_token="secret")
        with SmtpServer(SmtpSink(mail)) as smtp, FakeServer(carrier) as twilio:
            yield World(
                tmp_path,
                mail,
                sms,
                EMAIL_URL=smtp.url,
                TWILIO_ACCOUNT_SID=ACCOUNT,
                TWILIO_AUTH_TOKEN="secret",
                TWILIO_FROM="+15557654321",
                TWILIO_API_BASE=twilio.url,
            )


@pytest.mark.parametrize(
    ("point", "unknown"),
    [
        ("message.after_claim", 0),
        # the fourth pass is the first SMS: the mails go first
        ("message.after_send", 0),
        ("message.after_send:4", 1),
        ("message.before_finish:4", 1),
    ],
)
def test_killed_worker_loses_nothing_and_repeats_no_sms(
    world: World, point: str, unknown: int
) -> None:
    killed = world.run("shell", "-c", SWEEP, CRASH_POINT=point)
    assert killed.returncode == -signal.SIGKILL, killed.stderr

    states = Counter((channel, state) for channel, _id, state in world.recover())
    assert states[("email", "sent")] == MAILS
    assert states[("sms", "unknown")] == unknown
    assert states[("sms", "sent")] == TEXTS - unknown
    bodies = Counter(taken["body"] for taken in world.sms.objects("message"))
    assert len(bodies) == TEXTS
    assert set(bodies.values()) == {1}
    ids = Counter(taken["message_id"] for taken in world.mail.objects("mail"))
    assert len(ids) == MAILS
    assert sorted(ids.values())[-1] <= 2
    assert sum(ids.values()) <= MAILS + 1
