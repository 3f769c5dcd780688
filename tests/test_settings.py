"""What the environment may say, and what each wrong word of it is answered with."""

import importlib.util
import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import environ
import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

LONG = "k" * 64
POSTGRES = {
    "DATABASE_URL": "postgres://portal:secret@db.example:5432/portal",
    "SECRET_KEY": LONG,
    "LINK_TOKEN_KEYS": f"v1:{LONG}",
    "FIELD_KEYS": f"v1:{LONG}",
    "AUDIT_KEYS": f"v1:{LONG}",
}
LIVE = {
    "PUBLIC_URL": "https://pay.example.com",
    "STRIPE_SECRET_KEY": "sk_live_1",
    "STRIPE_WEBHOOK_SECRET": "whsec_1",
    "EMAIL_URL": "smtp+tls://u:p@mail.example.com:587",
}


SQUARE = {
    "SQUARE_ACCESS_TOKEN": "token",
    "SQUARE_LOCATION_ID": "L1",
    "SQUARE_WEBHOOK_SIGNATURE_KEY": "key",
}


class Recorder(dict[str, str]):
    """An environment that remembers which names were asked for."""

    def __init__(self, values: dict[str, str]) -> None:
        super().__init__(values)
        self.asked: set[str] = set()

    def __getitem__(self, key: str) -> str:
        self.asked.add(key)
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self.asked.add(key)
        return super().get(key, default)


@pytest.fixture
def var(tmp_path: Path) -> Path:
    return tmp_path / "var"


@pytest.fixture(autouse=True)
def _environment_back() -> Iterator[None]:
    before = environ.Env.ENVIRON
    yield
    environ.Env.ENVIRON = before


def load(var: Path, **values: str) -> tuple[ModuleType, set[str]]:
    """settings.py run anew under nothing but these variables; and what it asked for."""
    recorder = Recorder({"VAR_DIR": str(var), **values})
    environ.Env.ENVIRON = recorder
    source = Path(settings.BASE_DIR) / "merchant_portal" / "settings.py"
    spec = importlib.util.spec_from_file_location("merchant_portal._probe", source)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module, recorder.asked


def test_starts_on_nothing_with_generated_private_keys(var: Path) -> None:
    first, _asked = load(var)
    second, _asked = load(var)

    assert first.DATABASES["default"]["NAME"] == str(var / "portal.sqlite3")
    assert first.EMBEDDED
    assert first.EMAIL_CAPTURED
    assert first.STAFF_MFA_REQUIRED
    assert first.SECRET_KEY == second.SECRET_KEY
    assert first.LINK_TOKEN_KEYS == second.LINK_TOKEN_KEYS
    assert stat.S_IMODE((var / "keys.json").stat().st_mode) == 0o600


def test_blank_means_unset(var: Path) -> None:
    names = ["DATABASE_URL", "REDIS_URL", "EMAIL_URL", "CLOCK_OFFSET", "LOG_LEVEL"]
    module, _asked = load(var, **dict.fromkeys(names, ""))

    assert module.ON_SQLITE
    assert module.CLOCK_OFFSET_SECONDS == 0


def test_secure_cookies_follow_the_public_address(var: Path) -> None:
    plain, _asked = load(var, PUBLIC_URL="http://127.0.0.1:8001/")
    secure, _asked = load(var, PUBLIC_URL="https://pay.example.com")

    assert plain.PUBLIC_URL == "http://127.0.0.1:8001"
    assert (plain.SESSION_COOKIE_SECURE, plain.SECURE_HSTS_SECONDS) == (False, 0)
    assert secure.SESSION_COOKIE_NAME == "__Host-session"
    assert secure.CSRF_COOKIE_SECURE
    assert secure.SECURE_HSTS_SECONDS == 31_536_000
    assert secure.ALLOWED_HOSTS == ["pay.example.com"]


def test_the_public_address_follows_the_port_until_it_is_set(
    var: Path, tmp_path: Path
) -> None:
    bound, _asked = load(var, WEB_BIND="0.0.0.0:8005")
    file = tmp_path / "shop.env"
    file.write_text("PUBLIC_URL=https://pay.example.com\n")
    named, _asked = load(var, WEB_BIND="127.0.0.1:8005", ENV_FILE=str(file))

    assert bound.PUBLIC_URL == "http://127.0.0.1:8005"
    assert named.PUBLIC_URL == "https://pay.example.com"


def test_postgres_keeps_what_its_address_says_of_tls(var: Path) -> None:
    address = POSTGRES["DATABASE_URL"] + "?sslmode=require"
    module, _asked = load(var, **{**POSTGRES, "DATABASE_URL": address})

    assert module.DATABASES["default"]["OPTIONS"]["sslmode"] == "require"
    assert module.DATABASES["default"]["OPTIONS"]["connect_timeout"] == 5


def test_the_first_versioned_key_is_the_newest(var: Path) -> None:
    module, _asked = load(var, LINK_TOKEN_KEYS=f"v2:{LONG}2,v1:{LONG}1")

    assert list(module.LINK_TOKEN_KEYS.items()) == [
        ("v2", LONG + "2"),
        ("v1", LONG + "1"),
    ]


def without(values: dict[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in values.items() if key != name}


WRONG: list[tuple[str, dict[str, str]]] = [
    ("DATABASE_URL", {"DATABASE_URL": "mysql://u:p@host/db"}),
    ("DATABASE_URL", {"DATABASE_URL": "postgres://host"}),
    ("DATABASE_URL", {"DATABASE_URL": "portal.sqlite3"}),
    ("DATABASE_URL", {"DATABASE_URL": "postgres://u:p@host:port/db"}),
    (
        "DATABASE_CONN_MAX_AGE_SECONDS",
        POSTGRES | {"DATABASE_CONN_MAX_AGE_SECONDS": "-1"},
    ),
    ("REDIS_URL", {"REDIS_URL": "localhost:6379"}),
    ("REDIS_URL", {"REDIS_URL": "http://localhost:6379"}),
    ("SECRET_KEY", without(POSTGRES, "SECRET_KEY")),
    ("SECRET_KEY", {"SECRET_KEY": "short"}),
    ("LINK_TOKEN_KEYS", without(POSTGRES, "LINK_TOKEN_KEYS")),
    ("LINK_TOKEN_KEYS", {"LINK_TOKEN_KEYS": LONG}),
    ("LINK_TOKEN_KEYS", {"LINK_TOKEN_KEYS": f"v1:{LONG},v1:{LONG}"}),
    ("FIELD_KEYS", {"FIELD_KEYS": f"v2:{LONG},v1:short"}),
    ("AUDIT_KEYS", {"AUDIT_KEYS": f":{LONG}"}),
    ("PUBLIC_URL", {"PUBLIC_URL": "pay.example.com"}),
    ("PUBLIC_URL", {"PUBLIC_URL": "ftp://pay.example.com"}),
    ("PUBLIC_URL", {"PUBLIC_URL": "https://pay.example.com/shop"}),
    ("PUBLIC_URL", {"PUBLIC_URL": "https://u:p@pay.example.com"}),
    ("PUBLIC_URL", {"PUBLIC_URL": "https://pay.example.com:http"}),
    ("PUBLIC_URL", {"PUBLIC_URL": "https://[::1"}),
    ("ALLOWED_HOSTS", {"ALLOWED_HOSTS": "pay.example.com, *"}),
    ("BEHIND_TLS_PROXY", {"BEHIND_TLS_PROXY": "maybe"}),
    ("DEBUG", {"DEBUG": "2"}),
    ("DEBUG", {"DEBUG": "true", "PUBLIC_URL": "https://pay.example.com"}),
    ("STAFF_MFA_REQUIRED", {"STAFF_MFA_REQUIRED": "owner"}),
    ("TRAINING_ENABLED", {"TRAINING_ENABLED": "x"}),
    ("API_REQUESTS_PER_MINUTE", {"API_REQUESTS_PER_MINUTE": "0"}),
    ("CLOCK_OFFSET", {"CLOCK_OFFSET": "8d"}),
    ("EMAIL_URL", {"EMAIL_URL": "mail.example.com:25"}),
    ("EMAIL_URL", {"EMAIL_URL": "https://mail.example.com"}),
    ("DEFAULT_FROM_EMAIL", {"DEFAULT_FROM_EMAIL": "a@b.example\nBcc: c@d.example"}),
    ("DEFAULT_FROM_EMAIL", {"DEFAULT_FROM_EMAIL": "The shop"}),
    ("TWILIO_FROM", {"TWILIO_ACCOUNT_SID": "AC1", "TWILIO_AUTH_TOKEN": "t"}),
    ("TWILIO_API_BASE", {"TWILIO_API_BASE": "127.0.0.1:9"}),
    ("STRIPE_API_BASE", {"STRIPE_API_BASE": "file:///etc/passwd"}),
    ("STRIPE_WEBHOOK_SECRET", {"STRIPE_SECRET_KEY": "sk_test_1"}),
    ("SQUARE_LOCATION_ID", {"SQUARE_ACCESS_TOKEN": "token"}),
    ("SQUARE_ACCESS_TOKEN", {"SQUARE_WEBHOOK_SIGNATURE_KEY": "key"}),
    ("SQUARE_API_BASE", {"SQUARE_API_BASE": "connect.squareup.com"}),
    ("SQUARE_ACCESS_TOKEN", SQUARE),  # not the sandbox: real money
    ("EMAIL_URL", without(LIVE, "EMAIL_URL")),
    ("CLOCK_OFFSET", LIVE | {"CLOCK_OFFSET": "60"}),
    ("TRAINING_ENABLED", LIVE | {"TRAINING_ENABLED": "true"}),
    ("PUBLIC_URL", without(LIVE, "PUBLIC_URL")),
    ("WEB_WORKERS", {"WEB_WORKERS": "2"}),
    ("WEB_WORKERS", {"WEB_WORKERS": "0", "REDIS_URL": "redis://127.0.0.1:1/0"}),
    ("WEB_BIND", {"WEB_BIND": "8000"}),
    ("WEB_BIND", {"WEB_BIND": "127.0.0.1:http"}),
    ("WEB_THREADS", {"WEB_THREADS": "many"}),
    ("LOG_LEVEL", {"LOG_LEVEL": "LOUD"}),
    ("LOG_FORMAT", {"LOG_FORMAT": "xml"}),
]


@pytest.mark.parametrize(("name", "values"), WRONG)
def test_a_wrong_value_stops_the_start_and_names_itself(
    name: str, values: dict[str, str], var: Path
) -> None:
    with pytest.raises(ImproperlyConfigured) as caught:
        load(var, **values)

    sentence, _, cure = str(caught.value).partition(". ")
    assert name in str(caught.value)
    assert sentence
    assert cure.strip()


def test_the_refusal_does_not_show_the_secret(var: Path) -> None:
    with pytest.raises(ImproperlyConfigured) as caught:
        load(var, LINK_TOKEN_KEYS=f"v1{LONG}")

    assert LONG not in str(caught.value)


def test_live_keys_start_when_all_else_is_set(var: Path) -> None:
    module, _asked = load(var, **LIVE)

    assert module.HAS_LIVE_KEYS
    assert not module.TRAINING_ENABLED


@pytest.mark.parametrize(
    "host", ["https://connect.squareupsandbox.com", "http://127.0.0.1:9"]
)
def test_squares_sandbox_is_no_real_money(host: str, var: Path) -> None:
    module, _asked = load(var, **SQUARE, SQUARE_API_BASE=host)

    assert not module.HAS_LIVE_KEYS
    assert not module.TRAINING_ENABLED


def test_square_is_live_beside_a_stripe_in_test_mode(var: Path) -> None:
    values = LIVE | SQUARE | {"STRIPE_SECRET_KEY": "sk_test_1"}

    module, _asked = load(var, **values)

    assert module.LIVE_KEYS == {"square": "SQUARE_ACCESS_TOKEN"}


def test_a_damaged_key_file_stops_instead_of_making_new_keys(var: Path) -> None:
    load(var)
    (var / "keys.json").write_text("{")

    with pytest.raises(ImproperlyConfigured, match="backup"):
        load(var)

    assert (var / "keys.json").read_text() == "{"


def test_the_example_file_names_every_variable_and_no_other(var: Path) -> None:
    asked: set[str] = set()
    worlds: list[dict[str, str]] = [{}, POSTGRES, LIVE, {"REDIS_URL": "redis://h:1/0"}]
    for values in worlds:
        asked |= load(var, **values)[1]
    example = (Path(settings.BASE_DIR) / ".env.example").read_text()
    documented = set(re.findall(r"^([A-Z][A-Z0-9_]*)=", example, re.MULTILINE))

    assert documented == asked


def test_a_command_ends_with_the_sentence(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=settings.BASE_DIR,
        env={
            "PATH": os.environ["PATH"],
            "ENV_FILE": "",
            "VAR_DIR": str(tmp_path),
            "REDIS_URL": "nonsense",
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode != 0
    assert "REDIS_URL is not an address of the right kind" in done.stderr
