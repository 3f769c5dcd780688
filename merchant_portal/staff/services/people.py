"""Who works here: invite, change, let in again, shut out."""

from allauth.account.adapter import get_adapter
from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from merchant_portal.audit import services as audit
from merchant_portal.lib.actors import Actor

from ..models import User
from ..roles import Role
from . import alarms


class StaffError(ValueError):
    """What was asked cannot be done; the message says why, `field` where."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


def add(
    email: str, name: str, role: Role, *, actor: Actor, password: str | None = None
) -> User:
    """A new member of staff, without a mail. Raises StaffError for a known address."""
    with transaction.atomic():
        if User.objects.filter(email__iexact=email.strip()).exists():
            raise StaffError(
                _("Somebody with this address works here already."), "email"
            )
        user = User.objects.create_user(email, password, role=role, name=name)
        audit.record(actor.id, "user.added", user.public_id, role=role.value)
    return user


def invite(email: str, name: str, role: Role, *, actor: Actor) -> User:
    """A new member of staff, and the mail with which they set their password."""
    with transaction.atomic(), audit.recorded_last():
        user = add(email, name, role, actor=actor)
        alarms.of_person("invited", user, actor=actor)
        # allauth finds the adapter by a setting: the outbox lies above this app
        get_adapter().send_password_link(user, kind="staff_invitation")
    return user


def send_password_link(user: User) -> None:
    """Queue the mail with a link for setting a password; good once, for a day."""
    get_adapter().send_password_link(user, kind="password_reset")


def password_address(user: User) -> str:
    """Where `user` sets a password; secret, good once, for PASSWORD_RESET_TIMEOUT."""
    path = reverse(
        "account_reset_password_from_key",
        kwargs={
            "uidb36": user_pk_to_url_str(user),
            "key": default_token_generator.make_token(user),
        },
    )
    return f"{settings.PUBLIC_URL}{path}"


def refuse_bad_change(user: User, role: str, is_active: bool, *, actor: Actor) -> None:
    """Raise StaffError if the shop would be left without an owner who can sign in.

    Inside a transaction: locks the owners, so that two cannot switch off each other.
    """
    if actor.user_pk == user.pk and not is_active:
        raise StaffError(_("You cannot switch off yourself."), "is_active")
    if role == Role.OWNER and is_active:
        return
    owners = User.objects.select_for_update().filter(role=Role.OWNER, is_active=True)
    able = {owner.pk for owner in owners.order_by("pk") if owner.has_usable_password()}
    if user.pk in able and len(able) == 1:
        raise StaffError(
            _("This is the last owner. Make somebody else an owner first."),
            "role" if is_active else "is_active",
        )


def change(
    user: User, *, role: Role, is_active: bool, name: str, actor: Actor
) -> list[str]:
    """Set name, role and whether they may sign in; returns what changed.

    A new role, or being switched off, ends their sessions. Raises StaffError.
    """
    with transaction.atomic():
        current = User.objects.select_for_update().get(pk=user.pk)
        wanted = {"name": name, "role": role.value, "is_active": is_active}
        changed = [
            key for key, value in wanted.items() if getattr(current, key) != value
        ]
        if not changed:
            return []
        refuse_bad_change(current, role, is_active, actor=actor)
        for key in changed:
            setattr(current, key, wanted[key])
        if {"role", "is_active"} & set(changed):
            current.session_generation += 1
        current.save(update_fields=[*changed, "session_generation"])
        _tell_owners(current, changed, actor)
        audit.record(
            actor.id,
            "user.changed",
            current.public_id,
            fields=changed,
            role=role.value,
            is_active=is_active,
        )
    return changed


def _tell_owners(user: User, changed: list[str], actor: Actor) -> None:
    if "is_active" in changed:
        act = "switched_on" if user.is_active else "switched_off"
        alarms.of_person(act, user, actor=actor)
    elif "role" in changed:
        alarms.of_person("role", user, actor=actor)


def remove_second_factor(user: User, *, actor: Actor) -> bool:
    """For a lost phone: forget their app and codes and end their sessions."""
    with transaction.atomic():
        removed, _each = Authenticator.objects.filter(user_id=user.pk).delete()
        if not removed:
            return False
        current = User.objects.select_for_update().get(pk=user.pk)
        current.session_generation += 1
        current.save(update_fields=["session_generation"])
        alarms.of_person("second_factor", current, actor=actor)
        audit.record(actor.id, "user.second_factor_removed", user.public_id)
    return True
