"""Mails about the safety of the shop: every owner gets them, nobody can switch them off."""

from collections.abc import Callable, Mapping

from merchant_portal.business.models import Business
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role

from . import outbox

Say = Callable[[str], Mapping[str, str]]
"""language → `subject` and `body`."""


def tell(say: Say, *, reference: str, key: str) -> None:
    """Queue it in the caller's transaction; the same `key` again tells nobody twice.

    Also to the owner who did it: it may have been somebody at their desk.
    """
    business = Business.objects.current()
    owners = User.objects.filter(role=Role.OWNER, is_active=True)
    wanted = []
    for owner in owners.order_by("pk"):
        language = owner.language or business.language
        wanted.append(
            outbox.NewMessage(
                kind="notice",
                channel="email",
                recipient=owner.email,
                language=language,
                reference=reference,
                dedupe_key=f"{key}:{owner.public_id}",
                values=say(language),
            )
        )
    outbox.enqueue_many(wanted)
