"""Entering, replacing and removing the keys of a provider: acts of an owner."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from merchant_portal.audit import services as audit
from merchant_portal.lib import clock, sealing
from merchant_portal.provider_keys import KEY_SETS
from merchant_portal.staff.models import User

from ..models import (
    Checkout,
    EventState,
    ProviderAccount,
    Refund,
    RefundState,
    WebhookEvent,
)
from ..models.checkouts import FINAL
from ..providers import credentials
from . import alerts, key_shapes, keyring
from .keyring import Mode, Standing

OVERLAP = timedelta(hours=24)
# How long the webhook secret before this one is good: Stripe signs with both for so long.
UNDER_WAY = [
    RefundState.APPROVED,
    RefundState.SENDING,
    RefundState.UNKNOWN,
    RefundState.PENDING,
]


class KeysRefused(ValueError):
    """Nothing was changed. `problems`: field, or `form` → words; never a key."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(sorted(problems)))
        self.problems = dict(problems)


@dataclass(frozen=True, slots=True)
class OpenWork:
    """What could not be settled without the keys of an account."""

    checkouts: int
    refunds: int
    webhooks: int

    def __bool__(self) -> bool:
        return bool(self.checkouts or self.refunds or self.webhooks)


def open_work(account: ProviderAccount) -> OpenWork:
    return OpenWork(
        Checkout.objects.filter(account=account).exclude(state__in=FINAL).count(),
        Refund.objects.filter(payment__account=account, state__in=UNDER_WAY).count(),
        WebhookEvent.objects.filter(account=account, state=EventState.RECEIVED).count(),
    )


def enter(
    slug: str, typed: Mapping[str, str], *, mode: str, user: User
) -> ProviderAccount:
    """Seal a whole set of keys and use it from now on, in place of the one before.

    `mode`: as the owner chose; where the key or the host tells, that holds. Test keys
    give way to live ones, never the other way round. Raises KeysRefused.
    """
    values = key_shapes.cleaned(slug, typed)
    if credentials.of_environment(slug) is not None:
        raise KeysRefused(
            {"form": _("The environment of this installation sets them.")}
        )
    found = key_shapes.problems(slug, values)
    chosen = _mode_of(slug, values, mode)
    if not found and chosen is None:
        found = {"mode": _("Choose where these keys are from.")}
    if not found and chosen == Mode.LIVE:
        hindrances = keyring.real_money_hindrances()
        if hindrances:
            found = {"form": _refusal(hindrances)}
    if found or chosen is None:
        raise KeysRefused(found)
    try:
        with transaction.atomic():
            account = _store(slug, chosen, values, user)
    except IntegrityError as exc:
        raise KeysRefused(
            {"form": _("Somebody else has just changed these keys. Look again.")}
        ) from exc
    return account


def _mode_of(slug: str, values: Mapping[str, str], chosen: str) -> str | None:
    keys = KEY_SETS[slug]
    if keys.test:
        is_test = values[keys.fields[0]].startswith(keys.test)
        return Mode.TEST if is_test else Mode.LIVE
    fixed = keyring.fixed_mode(slug)
    return fixed or (chosen if chosen in Mode.values else None)


def _refusal(hindrances: list[str]) -> str:
    first = _("These keys move real money, which this installation is not ready for.")
    return " ".join([first, *hindrances])


def _store(
    slug: str, mode: str, values: Mapping[str, str], user: User
) -> ProviderAccount:
    rows = list(ProviderAccount.objects.filter(slug=slug).select_for_update())
    other = next((row for row in rows if row.mode != mode and row.sealed_keys), None)
    if other is not None:
        _give_way(other)
    account = next((row for row in rows if row.mode == mode), None)
    if account is None:
        account = ProviderAccount(slug=slug, mode=mode)
    is_new = not account.sealed_keys and other is None
    previous = _previous_secret(account, values)
    until = clock.database_now() + OVERLAP if previous else None
    account.sealed_keys = keyring.sealed(account, values, previous, until)
    account.keys_set_at = clock.now()
    # What went wrong with the old ones says nothing of these.
    account.failures, account.down_until = 0, None
    account.sweep_problem, account.next_sweep_at = "", None
    account.save()
    act = "keys_entered" if is_new else "keys_replaced"
    _tell(account, act, user)
    return account


def _give_way(other: ProviderAccount) -> None:
    """Of the other mode: test keys end when live ones come, live keys do not."""
    if other.mode == Mode.LIVE:
        raise KeysRefused(
            {
                "form": _(
                    "These are test keys, and this provider takes real money now."
                    " Remove the live keys first if you mean it."
                )
            }
        )
    other.sealed_keys, other.keys_set_at = "", None
    other.save(update_fields=["sealed_keys", "keys_set_at"])


def _previous_secret(account: ProviderAccount, values: Mapping[str, str]) -> str:
    """The webhook secret that this set replaces; blank if it stays, or is lost."""
    name = KEY_SETS[account.slug].signing
    if not name or not account.sealed_keys:
        return ""
    try:
        before = keyring.entered_values(account)[name]
    except sealing.SealError:
        return ""
    return "" if before == values[name] else before


def may_remove(account: ProviderAccount, work: OpenWork) -> bool:
    """Not while real money under way could not be settled without them."""
    is_used = keyring.standing_of(account) is Standing.IN_USE
    return not (is_used and account.mode == Mode.LIVE and work)


def remove(account_pk: int, *, user: User) -> ProviderAccount:
    """Forget the keys of an account; KeysRefused where `may_remove` says no."""
    with transaction.atomic():
        account = ProviderAccount.objects.select_for_update().get(pk=account_pk)
        if not account.sealed_keys:
            raise KeysRefused({"form": _("Its keys were removed before.")})
        if not may_remove(account, open_work(account)):
            raise KeysRefused(
                {
                    "form": _(
                        "Real money is still under way at this account, and nobody could"
                        " ask about it without these keys."
                    )
                }
            )
        account.sealed_keys, account.keys_set_at = "", None
        account.save(update_fields=["sealed_keys", "keys_set_at"])
        _tell(account, "keys_removed", user)
    return account


def _tell(account: ProviderAccount, act: str, user: User) -> None:
    alerts.keys_changed(account, act, user)
    transaction.on_commit(keyring.forget)
    audit.record(
        user.actor().id,
        f"provider_account.{act}",
        str(account),
        fields=list(credentials.FIELDS[account.slug]),
    )
