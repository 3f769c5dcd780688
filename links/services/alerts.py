"""Mails about the safety of the shop, which nobody can switch off."""

from zoneinfo import ZoneInfo

from django.utils import translation
from django.utils.translation import gettext as _

from merchant_portal.business.models import Business
from merchant_portal.lib import clock
from merchant_portal.staff.models import User
from notifications.services import to_owners

from ..models import ProviderAccount
from ..providers.registry import get_provider
from . import notice_words


def keys_changed(account: ProviderAccount, act: str, by: User) -> None:
    """Tell every owner that a provider's keys were entered, replaced or removed.

    `act`: keys_entered, keys_replaced or keys_removed.
    """
    business = Business.objects.current()
    now, zone = clock.now(), ZoneInfo(business.time_zone)

    def say(language: str) -> dict[str, str]:
        moment = notice_words.moment(now, zone, language)
        return _words_of_keys(account, act, by, language, moment)

    to_owners.tell(
        say,
        reference=f"{account.slug}:{account.mode}",
        key=f"keys:{account.pk}:{act}:{now.isoformat()}",
    )


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
