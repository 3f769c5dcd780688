"""A setting that is missing or wrong stops the start by its name, with a cure."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

LONG = "k" * 64
GROWN = {
    "DATABASE_URL": "postgres://portal:x@127.0.0.1:1/portal",
    "SECRET_KEY": LONG,
    "LINK_TOKEN_KEYS": f"v1:{LONG}",
    "FIELD_KEYS": f"v1:{LONG}",
    "AUDIT_KEYS": f"v1:{LONG}",
}
WRONG: dict[str, tuple[dict[str, str], list[str]]] = {
    # what the environment says, what the answer names
    "no-secret-key": ({**GROWN, "SECRET_KEY": ""}, ["SECRET_KEY"]),
    "no-token-keys": ({**GROWN, "LINK_TOKEN_KEYS": ""}, ["LINK_TOKEN_KEYS"]),
    "address-without-scheme": ({"PUBLIC_URL": "shop.example"}, ["PUBLIC_URL", "https://"]),
    "unknown-database": ({"DATABASE_URL": "mysql://x/y"}, ["DATABASE_URL"]),
    "stripe-without-its-secret": ({"STRIPE_SECRET_KEY": "sk_test_1"}, ["STRIPE_WEBHOOK_SECRET", "whsec_"]),
    "half-of-twilio": ({"TWILIO_ACCOUNT_SID": "AC1"}, ["TWILIO_AUTH_TOKEN", "TWILIO_FROM"]),
    "every-host": ({"ALLOWED_HOSTS": "*"}, ["ALLOWED_HOSTS"]),
    "perhaps": ({"STAFF_MFA_REQUIRED": "perhaps"}, ["STAFF_MFA_REQUIRED", "true"]),
}  # fmt: skip


@pytest.mark.parametrize(("said", "named"), WRONG.values(), ids=WRONG)
def test_wrong_setting_stops_the_start(
    tmp_path: Path, said: dict[str, str], named: list[str]
) -> None:
    program = Path(settings.BASE_DIR) / "manage.py"

    done = subprocess.run(
        [sys.executable, program, "check"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "VAR_DIR": str(tmp_path), **said},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    told = done.stdout + done.stderr
    assert done.returncode != 0
    for words in named:
        assert words in told
    assert "Traceback" not in told
    assert LONG not in told
