"""A message to oneself, to see it where customers see theirs."""

from dataclasses import replace

from django.db import transaction
from django.utils.translation import gettext as _

from merchant_portal.audit import services as audit
from merchant_portal.staff.models import User

from ..models import Message
from . import outbox
from .rendering import MAX_SUBJECT_LENGTH, Rendered

KIND = "test_message"


def send(rendered: Rendered, *, language: str, kind: str, user: User) -> Message:
    """By the same way as every message, to the address of who asks and no other.

    `rendered`: holds no secret address. `kind`: whose words it tries.
    """
    subject = _("[Test] %(subject)s") % {"subject": rendered.subject}
    with transaction.atomic():
        message = outbox.send_as_given(
            replace(rendered, subject=subject[:MAX_SUBJECT_LENGTH]),
            kind=KIND,
            recipient=user.email,
            language=language,
            reference=user.public_id,
        )
        audit.record(
            user.actor().id,
            "template.tested",
            message.public_id,
            kind=kind,
            language=language,
        )
    return message
