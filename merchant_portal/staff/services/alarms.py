"""Telling every owner that a role, a key of the API or the bank account changed."""

from zoneinfo import ZoneInfo

from allauth.account.adapter import get_adapter
from babel.dates import format_datetime
from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from merchant_portal.business.models import Business
from merchant_portal.lib import clock, ids
from merchant_portal.lib.actors import Actor
from merchant_portal.lib.languages import locale_of

from ..models import ApiKey, User
from ..roles import Role

SUBJECTS = {
    "invited": gettext_lazy("%(person)s was invited as %(role)s"),
    "role": gettext_lazy("%(person)s is now %(role)s"),
    "switched_off": gettext_lazy("%(person)s may not sign in any more"),
    "switched_on": gettext_lazy("%(person)s may sign in again, as %(role)s"),
    "second_factor": gettext_lazy("Two-factor sign-in of %(person)s was forgotten"),
    "account": gettext_lazy("The bank account for transfers was changed"),
    "key_made": gettext_lazy("A key for the API was made: %(key)s"),
    "key_revoked": gettext_lazy("A key for the API was revoked: %(key)s"),
}


def of_person(act: str, person: User, *, actor: Actor) -> None:
    """`act`: of SUBJECTS; in the caller's transaction, before it is recorded."""
    page = reverse("admin:staff_user_change", args=[person.pk])
    named = {"person": str(person), "role": str(Role(person.role).label)}
    _tell(act, named, page, person.public_id, actor)


def of_key(act: str, key: ApiKey, *, actor: Actor) -> None:
    """As `of_person`, of a key."""
    page = reverse("admin:staff_apikey_change", args=[key.pk])
    _tell(act, {"key": str(key)}, page, key.public_id, actor)


def of_account(*, actor: Actor) -> None:
    """The bank account for transfers is another one from now on."""
    page = reverse("admin:business_business_change", args=[Business.ONLY_PK])
    _tell("account", {}, page, "business", actor)


def _tell(
    act: str, named: dict[str, str], page: str, reference: str, actor: Actor
) -> None:
    business = Business.objects.current()
    zone, at = ZoneInfo(business.time_zone), clock.now()

    def say(language: str) -> dict[str, str]:
        with translation.override(language):
            moment = format_datetime(
                at.astimezone(zone), "long", locale=locale_of(language)
            )
            lines = [
                _("By: %(person)s") % {"person": actor.name or actor.id},
                _("When: %(moment)s") % {"moment": moment},
                "",
                _("If you did not expect this, ask now, and look here:"),
                f"{settings.PUBLIC_URL}{page}",
            ]
            return {"subject": str(SUBJECTS[act]) % named, "body": "\n".join(lines)}

    # allauth finds the adapter by a setting: the outbox lies above this app
    key = f"staff:{act}:{reference}:{ids.new('ntc')}"
    get_adapter().tell_owners(say, reference=reference, key=key)
