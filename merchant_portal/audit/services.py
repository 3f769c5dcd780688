"""Writing the audit log."""

from merchant_portal.lib import clock

from .models import AuditEntry


def record(actor: str, action: str, object_id: str, **details: object) -> None:
    """Add one act, as the last statement of the transaction that does it.

    `actor` and `object_id`: public ids. `details`: field names and plain facts, never
    personal values.
    """
    AuditEntry.objects.create(
        at=clock.now(),
        actor=actor,
        action=action,
        object_id=object_id,
        details=details,
    )
