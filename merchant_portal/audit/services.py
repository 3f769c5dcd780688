"""Writing down what people and keys did."""

from merchant_portal.lib import clock

from .models import AuditEntry


def record(
    actor: str,
    action: str,
    object_id: str,
    **details: object,
) -> AuditEntry:
    """Keep one act for ever; the last statement of the transaction that does it.

    `actor`: public id. `action`: thing and verb, such as `link.canceled`. `details`:
    field names and plain facts, never a name, an address or a number of a person.
    """
    return AuditEntry.objects.create(
        at=clock.now(),
        actor=actor,
        action=action,
        object_id=object_id,
        details=details,
    )
