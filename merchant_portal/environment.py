"""How settings.py reads the environment: blank means unset, a wrong value stops the start.

Every refusal names the variable, what is wrong with it and a way to fix it. Values
of secrets are never shown.
"""

import json
import os
import secrets
import sys
from decimal import Decimal, InvalidOperation
from email.utils import parseaddr
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
TESTING = "pytest" in sys.modules
DATABASE_SCHEMES = ("sqlite:///", "postgres://", "postgresql://")
KEY_CHARACTERS = 32
SECRET_KEY_CHARACTERS = 50  # what Django's own deployment check asks for
# What the embedded default makes for itself on first use.
GENERATED_KEYS = ("SECRET_KEY", "LINK_TOKEN_KEYS", "FIELD_KEYS", "AUDIT_KEYS")

_env = environ.Env()


def read_file() -> None:
    """Take what .env (or ENV_FILE) says and the environment does not.

    Tests and the demo never meet the keys of the real shop: they set ENV_FILE blank.
    """
    default = "" if TESTING else str(BASE_DIR / ".env")
    name: str = _env.str("ENV_FILE", default=default)
    if name:
        environ.Env.read_env(name)


class WrongSetting(ImproperlyConfigured):
    """A value that the product does not start with; the text says how to mend it."""


def stop(name: str, problem: str, cure: str) -> NoReturn:
    raise WrongSetting(f"{name} {problem}. {cure}")


def text(name: str, default: str = "") -> str:
    value: str = _env.str(name, default="").strip()
    if any(ord(character) < 32 for character in value):
        stop(
            name, "contains a line break or control character", "Write it in one line."
        )
    return value or default


def names(name: str) -> list[str]:
    """Values separated by commas."""
    return [part.strip() for part in text(name).split(",") if part.strip()]


def integer(name: str, default: int, *, least: int = 0, most: int = 2**31) -> int:
    value = text(name, str(default))
    try:
        number = int(value)
    except ValueError:
        stop(name, f"is not a whole number: {value!r}", f"Example: {name}={default}")
    if not least <= number <= most:
        stop(name, f"is {number}", f"It may be {least} to {most}.")
    return number


def decimal(name: str) -> Decimal | None:
    """An amount above 0 with a point, such as 0.83; None when it is not set."""
    value = text(name)
    if not value:
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        stop(name, f"is not a number: {value!r}", f"Example: {name}=7.5")
    if not number.is_finite() or not 0 < number < 100_000:
        stop(name, f"is {value}", "It must be above 0 and below 100000.")
    return number


def currency(name: str, *, is_needed: bool) -> str:
    """Three capital letters, or blank where it is not needed."""
    value = text(name).upper()
    if not value and not is_needed:
        return ""
    if len(value) != 3 or not value.isascii() or not value.isalpha():
        stop(name, "is no code of a currency", f"Example: {name}=EUR")
    return value


def boolean(name: str, *, default: bool) -> bool:
    value = text(name, str(default)).lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    stop(name, f"is neither true nor false: {value!r}", f"Example: {name}=true")


def one_of(name: str, choices: list[str]) -> str:
    """The first one is the default."""
    value = text(name, choices[0])
    if value not in choices:
        stop(name, f"is unknown: {value!r}", f"Use {' or '.join(choices)}.")
    return value


def url(name: str, default: str, schemes: set[str]) -> str:
    value = text(name, default)
    try:
        parts = urlsplit(value)
        is_whole = bool(parts.netloc or parts.scheme == "unix") and parts.port != 0
    except ValueError:  # a port that is no number, an open bracket
        parts, is_whole = urlsplit(""), False
    if value and (parts.scheme not in schemes or not is_whole):
        wanted = " or ".join(f"{scheme}://…" for scheme in sorted(schemes))
        stop(name, "is not an address of the right kind", f"It starts with {wanted}")
    return value


def origin(name: str, default: str) -> str:
    """scheme://host[:port], nothing after it."""
    value = url(name, default, {"http", "https"}).rstrip("/")
    parts = urlsplit(value)
    if parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        stop(
            name, "has something after or before the host", f"Example: {name}={default}"
        )
    return value


def bind(name: str, default: str) -> str:
    """host:port to listen on."""
    value = text(name, default)
    host, _colon, port = value.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        stop(name, f"is not host:port: {value!r}", f"Example: {name}={default}")
    return value


def database(default: str) -> dict[str, Any]:
    """DATABASE_URL as Django's dictionary: SQLite or PostgreSQL."""
    value = text("DATABASE_URL", default)
    try:
        known = value.startswith(DATABASE_SCHEMES)
        found: dict[str, Any] = environ.Env.db_url_config(value) if known else {}
    except (ValueError, TypeError, KeyError, ImproperlyConfigured):
        found = {}
    if not found.get("NAME"):
        stop(
            "DATABASE_URL",
            "names no database that this product runs on",
            "Use postgres://user:password@host:5432/portal or sqlite:////path/to/file,"
            " or leave it out for the built-in SQLite.",
        )
    return found


def email() -> dict[str, Any]:
    """EMAIL_URL as Django's settings; {} when it is not set: mail is captured."""
    value = text("EMAIL_URL")
    if not value:
        return {}
    try:
        found: dict[str, Any] = environ.Env.email_url_config(value)
    except (ValueError, TypeError, KeyError, ImproperlyConfigured):
        found = {}
    if not found.get("EMAIL_HOST"):
        stop(
            "EMAIL_URL",
            "cannot be understood",
            "Example: EMAIL_URL=smtp+tls://user:password@mail.example.com:587",
        )
    return found


def mail_sender(name: str, default: str) -> str:
    """`shop@example.com` or `The shop <shop@example.com>`."""
    value = text(name, default)
    _shown, address = parseaddr(value)
    if not all(address.partition("@")):
        stop(name, f"holds no address: {value!r}", f"Example: {name}={default}")
    return value


class Keys:
    """Secret keys: from the environment, or made once and kept in a private file.

    `may_generate`: only on the embedded default, where one machine holds everything.
    """

    def __init__(self, folder: Path, *, may_generate: bool) -> None:
        self._file = folder / "keys.json"
        self._may_generate = may_generate

    def secret(self, name: str) -> str:
        value = text(name)
        if not value and self._may_generate:
            return self._kept()[name]
        if not value:
            stop(
                name,
                "is not set",
                "Make one with: python -c 'import secrets;"
                f" print(secrets.token_urlsafe(48))'{_versioned_hint(name)}",
            )
        least = SECRET_KEY_CHARACTERS if name == "SECRET_KEY" else KEY_CHARACTERS
        if len(value) < least:
            stop(
                name,
                f"is shorter than {least} characters",
                "Make a longer, random one.",
            )
        return value

    def versioned(self, name: str) -> dict[str, str]:
        """`v2:new,v1:old` as {"v2": "new", "v1": "old"}; the first is used to write."""
        keys: dict[str, str] = {}
        for part in self.secret(name).split(","):
            version, _colon, value = part.strip().partition(":")
            if not version or len(value) < KEY_CHARACTERS or version in keys:
                stop(
                    name,
                    "is malformed",
                    f"Write {name}=v1:<at least {KEY_CHARACTERS} characters>; newer"
                    " keys go in front, separated by commas.",
                )
            keys[version] = value
        return keys

    def _kept(self) -> dict[str, str]:
        try:
            kept: dict[str, str] = json.loads(self._file.read_text())
        except FileNotFoundError:
            kept = {}
        except (OSError, ValueError) as exc:
            stop(
                str(self._file), f"cannot be read ({exc})", "Restore it from a backup."
            )
        if set(GENERATED_KEYS) <= set(kept):
            return kept
        return self._keep(kept)

    def _keep(self, kept: dict[str, str]) -> dict[str, str]:
        """Add what is missing; when two processes start at once, the first one wins."""
        complete = dict(kept)
        for name in GENERATED_KEYS:
            value = secrets.token_urlsafe(48)
            complete.setdefault(name, value if name == "SECRET_KEY" else f"v1:{value}")
        self._file.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._file.with_name(f"keys.json.{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(complete, indent=1))
        try:
            if kept:
                fresh.replace(self._file)
            else:
                os.link(fresh, self._file)
        except FileExistsError:
            return self._kept()
        finally:
            fresh.unlink(missing_ok=True)
        return complete


def _versioned_hint(name: str) -> str:
    return "" if name == "SECRET_KEY" else f" and write it as {name}=v1:<that value>"
