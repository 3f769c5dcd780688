"""The keys that owners entered: sealed in the account's row, opened once a second.

At most one set for each provider. What is seen here is what a process holds for a
second, so web and workers follow a change within that time, without a query more.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from django.conf import settings
from django.utils.translation import gettext as _

from merchant_portal.lib import rows, sealing
from merchant_portal.provider_keys import KEY_SETS, is_test_host, setting_of

from ..models import ProviderAccount
from ..providers import credentials
from ..providers.credentials import FIELDS, Keys

Mode = ProviderAccount.Mode
_KEPT = rows.Kept(rows.Prepared(ProviderAccount.objects.all))


class Standing(StrEnum):
    """What became of the keys of one account."""

    NONE = "none"  # nobody entered any
    IN_USE = "in_use"
    OVERRULED = "overruled"  # the environment names keys of this provider
    HELD = "held"  # where this installation must not use them
    UNREADABLE = "unreadable"  # sealed with a key that is lost


@dataclass(frozen=True)
class Held:
    """What one process knows of the accounts. `rows`: not to be written to.

    `entered`: slug → keys that owners entered and that may be used. `has_live`: whether
    live keys were entered, even where they cannot be used.
    """

    rows: list[ProviderAccount]
    entered: Mapping[str, Keys]
    has_live: bool


_last = Held([], {}, False)


def held() -> Held:
    """At most a second old; one query when it is read anew."""
    global _last
    found = _KEPT.fetch()
    last = _last
    if last.rows is not found:
        last = _last = Held(found, _usable(found), any(map(_is_live, found)))
    return last


def forget() -> None:
    """Read anew in this process, which has just changed something."""
    _KEPT.forget()


def has_live_keys() -> bool:
    """Whether real money can move, or could if the installation let it."""
    return bool(settings.HAS_LIVE_KEYS) or held().has_live


def _is_live(account: ProviderAccount) -> bool:
    return account.mode == Mode.LIVE and bool(account.sealed_keys)


def _usable(found: list[ProviderAccount]) -> dict[str, Keys]:
    usable = {}
    for account in found:
        if standing_of(account) is Standing.IN_USE:
            usable[account.slug] = opened(account)
    return usable


def standing_of(account: ProviderAccount) -> Standing:
    """How it is with the keys of this row; no query."""
    if not account.sealed_keys or account.slug not in FIELDS:
        return Standing.NONE
    if credentials.of_environment(account.slug) is not None:
        return Standing.OVERRULED
    try:
        opened(account)
    except sealing.SealError:
        return Standing.UNREADABLE
    return Standing.HELD if hindrances(account) else Standing.IN_USE


def hindrances(account: ProviderAccount) -> list[str]:
    """Why this installation must not use the keys of this account, in words."""
    found = real_money_hindrances() if account.mode == Mode.LIVE else []
    if fixed_mode(account.slug) not in {None, account.mode}:
        name = setting_of(account.slug, "api_base")
        found.append(_("%s leads to another place than these keys are for.") % name)
    return found


def real_money_hindrances() -> list[str]:
    """What in this installation must be set before real money may move, in words.

    The same that stops the start for live keys of the environment: they are not taken
    here, and not used where a restored database brings them.
    """
    found = []
    if settings.EMAIL_CAPTURED:
        found.append(
            _("Mail is kept in the product and not sent: EMAIL_URL must be set.")
        )
    if settings.CLOCK_OFFSET_SECONDS:
        found.append(_("The clock is moved: CLOCK_OFFSET must be removed."))
    if not settings.IS_HTTPS:
        found.append(
            _("The shop's address is not secure: PUBLIC_URL must start with https://.")
        )
    return found


def fixed_mode(slug: str) -> str | None:
    """Test or live, where the environment has chosen the host of a provider whose keys
    do not tell; None where the owner chooses, or the key tells."""
    base = credentials.api_base(slug)
    if KEY_SETS[slug].test or not base:
        return None
    return Mode.TEST if is_test_host(base) else Mode.LIVE


def _base(slug: str, mode: str) -> str:
    sandbox = KEY_SETS[slug].sandbox if mode == Mode.TEST else ""
    return credentials.api_base(slug) or sandbox


# --- sealing ------------------------------------------------------------------------


def _purpose(account: ProviderAccount) -> str:
    """So that the text fits no other row."""
    return f"provider-keys:{account.slug}:{account.mode}"


def sealed(
    account: ProviderAccount,
    values: Mapping[str, str],
    previous: str = "",
    until: datetime | None = None,
) -> str:
    """`previous`: a webhook secret that is good too, up to `until`."""
    kept = {
        "values": dict(values),
        "previous": previous,
        "until": until.isoformat() if until else "",
    }
    return sealing.seal(_purpose(account), json.dumps(kept))


def opened(account: ProviderAccount) -> Keys:
    """The keys in this row, with both webhook secrets while two are good; SealError if
    they cannot be read any more."""
    slug, is_live = account.slug, account.mode == Mode.LIVE
    values, previous, until = _content(account)
    name = KEY_SETS[slug].signing
    if name and previous and datetime.now(UTC) < datetime.fromisoformat(until):
        values[name] = f"{values[name]},{previous}"
    return Keys(slug, is_live, _base(slug, account.mode), values)


def entered_values(account: ProviderAccount) -> dict[str, str]:
    """By field, as the owner entered them; SealError."""
    return _content(account)[0]


def _content(account: ProviderAccount) -> tuple[dict[str, str], str, str]:
    """Values, the webhook secret before, and until when that is good."""
    text = sealing.unseal(_purpose(account), account.sealed_keys)
    found = json.loads(text)
    values = {str(name): str(value) for name, value in found["values"].items()}
    if set(values) != set(FIELDS[account.slug]):
        raise sealing.SealError("The sealed keys are those of another version.")
    return values, str(found["previous"]), str(found["until"])
