"""What people do about addresses that are not written to; carriers do it in `opt_outs`."""

from django.db import models, transaction

from merchant_portal.audit import services as audit
from merchant_portal.lib.actors import Actor

from ..models import OptOut
from . import opt_outs

STAFF = "staff"


class Reason(models.TextChoices):
    """Why an address may be written to again: chosen, for the audit log holds no words
    about people."""

    ASKED = "asked", "asked"
    WORKS = "works", "works"
    MISTAKE = "mistake", "mistake"


def suppress(
    channel: str, address: str, scope: OptOut.Scope, *, detail: str, actor: Actor
) -> OptOut:
    """Stop writing to an address because a person says so; again is harmless."""
    with transaction.atomic():
        opt_outs.store(channel, address, scope, source=STAFF, detail=detail)
        row = OptOut.objects.get(
            channel=channel,
            address=opt_outs.address_key(channel, address),
            scope=scope,
        )
        audit.record(actor.id, "address.stopped", _name(row), scope=row.scope)
    return row


def lift(row: OptOut, *, reason: Reason, actor: Actor) -> bool:
    """Let the address be written to again, as far as this row stopped it.

    Returns False when somebody else did. What was withheld meanwhile is not sent; a new
    bounce stops it anew, the repeat of an old report does not.
    """
    with transaction.atomic():
        found = OptOut.objects.select_for_update().filter(pk=row.pk).first()
        if found is None:
            return False
        name = _name(found)
        found.delete()
        audit.record(
            actor.id,
            "address.lifted",
            name,
            scope=found.scope,
            source=found.source,
            reason=reason.value,
        )
    return True


def note_download(*, actor: Actor) -> None:
    """That somebody took the list away."""
    with transaction.atomic():
        audit.record(actor.id, "addresses.downloaded", "undelivered")


def _name(row: OptOut) -> str:
    return f"address-{row.pk}"
