"""The daily head of the record of acts, brought where its database cannot reach."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from merchant_portal.audit import heads
from merchant_portal.audit.heads import Head
from merchant_portal.business.models import Business
from merchant_portal.lib import clock
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role

from . import outbox


def keep() -> bool:
    """Keep the head of the day that ended last: row, mail to the owners, file.

    True if it was not kept yet. Without a new act there is no mail. Two at once keep one; what a crash left undone of the
    file is made good the next time.
    """
    business = Business.objects.current()
    today = clock.now().astimezone(ZoneInfo(business.time_zone)).date()
    with transaction.atomic():
        head = heads.keep(today - timedelta(days=1))
        if head is not None and heads.has_news(head):
            _mail(head, business)
    heads.export(settings.VAR_DIR)
    return head is not None


def _mail(head: Head, business: Business) -> None:
    owners = User.objects.filter(role=Role.OWNER, is_active=True).order_by("pk")
    wanted = []
    for owner in owners:
        language = owner.language or business.language
        wanted.append(
            outbox.NewMessage(
                kind="notice",
                channel="email",
                recipient=owner.email,
                language=language,
                reference=owner.public_id,
                dedupe_key=f"audit_head:{head.on}:{owner.public_id}",
                values=_words(head, language),
            )
        )
    outbox.enqueue_many(wanted)


def _words(head: Head, language: str) -> dict[str, str]:
    with translation.override(language):
        day = date.fromisoformat(head.on)
        return {
            "subject": _("Audit log: seal of %(day)s") % {"day": day.isoformat()},
            "body": _(
                "At the end of %(day)s the audit log had %(count)s entries. Keep this"
                " mail: with the line below anybody who runs the shop can show later"
                " that none of them was changed or removed."
            )
            % {"day": day.isoformat(), "count": head.sequence}
            + f"\n\n{head.line()}",
        }
