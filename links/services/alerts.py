"""Mails about the safety of the shop, which nobody can switch off."""

from zoneinfo import ZoneInfo

from django.utils import translation
from django.utils.translation import gettext as _

from merchant_portal.business.models import Business
from merchant_portal.lib import clock
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role
from notifications.services import outbox

from ..models import ProviderAccount
from ..providers.registry import get_provider
from . import notice_words


def keys_changed(account: ProviderAccount, act: str, by: User) -> None:
    """Tell every other owner that a provider's keys were entered, replaced or removed.

    `act`: keys_entered, keys_replaced or keys_removed.
    """
    business = Business.objects.current()
    others = User.objects.filter(role=Role.OWNER, is_active=True).exclude(pk=by.pk)
    moment = clock.now()
    zone = ZoneInfo(business.time_zone)
    wanted = []
    for person in others.order_by("pk"):
        language = person.language or business.language
        wanted.append(
            outbox.NewMessage(
                kind="notice",
                channel="email",
                recipient=person.email,
                language=language,
                reference=f"{account.slug}:{account.mode}",
                dedupe_key=f"keys:{account.pk}:{act}:{moment.isoformat()}:{person.public_id}",
                values=_words_of_keys(
                    account,
                    act,
                    by,
                    language,
                    notice_words.moment(moment, zone, language),
                ),
            )
        )
    outbox.enqueue_many(wanted)


def _words_of_keys(
    account: ProviderAccount, act: str, by: User, language: str, moment: str
) -> dict[str, str]:
    with translation.override(language):
        known = {
            "provider": get_provider(account.slug).title,
            "mode": account.get_mode_display(),
            "person": by.name or by.email,
            "moment": moment,
        }
        subjects = {
            "keys_entered": _("Keys of %(provider)s were entered"),
            "keys_replaced": _("Keys of %(provider)s were replaced"),
            "keys_removed": _("Keys of %(provider)s were removed"),
        }
        lines = [
            _("By: %(person)s") % known,
            _("When: %(moment)s") % known,
            _("Account: %(provider)s (%(mode)s)") % known,
            "",
            _(
                "These keys decide where your customers' money goes. If you did not"
                " expect this, ask now, and look at the account page of the back-office."
            ),
        ]
        return {"subject": subjects[act] % known, "body": "\n".join(lines)}
