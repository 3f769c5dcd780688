"""Where somebody is signed in, and ending that. The rows are allauth's."""

from datetime import timedelta
from importlib import import_module

from allauth.core.internal.sessionkit import get_session_user
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from merchant_portal.audit import services as audit
from merchant_portal.lib.actors import Actor

from ..models import User

NOTED_EVERY_SECONDS = 60
# An act is noted at most so often.
# Of a browser's words about itself; the first that is named counts.
BROWSERS = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


def alive(user: User) -> list[UserSession]:
    """The one that was used last first. Changes nothing: rows of sessions that ended
    stay until their person signs in again."""
    idle = timedelta(seconds=settings.SESSION_IDLE_SECONDS + NOTED_EVERY_SECONDS)
    rows = UserSession.objects.filter(
        user=user, last_seen_at__gte=timezone.now() - idle
    ).order_by("-last_seen_at", "-pk")
    store = import_module(settings.SESSION_ENGINE).SessionStore
    return [each for each in rows if get_session_user(store(each.session_key)) == user]


def device_of(session: UserSession) -> str:
    """Browser and system in a few words; empty where it says nothing that is known."""
    said = session.user_agent
    names = (
        next((name for mark, name in known if mark in said), "")
        for known in (BROWSERS, SYSTEMS)
    )
    return " · ".join(name for name in names if name)


def saw(session_key: str, address: str) -> None:
    """Note an act of this session; once a minute is enough."""
    now: dict[str, object] = {"last_seen_at": timezone.now()}
    if address:
        now["ip"] = address
    UserSession.objects.filter(session_key=session_key).update(**now)


def end(user: User, pk: int, *, actor: Actor) -> bool:
    """End one of `user`'s sessions; False if there is none of that key."""
    with transaction.atomic():
        found = UserSession.objects.filter(user=user, pk=pk).first()
        if found is None:
            return False
        found.end()
        audit.record(actor.id, "user.session_ended", user.public_id)
    return True


def end_others(user: User, but: str, *, actor: Actor) -> int:
    """End every session of `user` but the one of this key; how many there were."""
    with transaction.atomic():
        others = UserSession.objects.filter(user=user).exclude(session_key=but)
        ended = 0
        for each in others:
            each.end()
            ended += 1
        if ended:
            audit.record(actor.id, "user.sessions_ended", user.public_id, count=ended)
    return ended


def end_all(user: User, *, actor: Actor) -> None:
    """Sign somebody out everywhere, also where no row tells of it."""
    with transaction.atomic():
        current = User.objects.select_for_update().get(pk=user.pk)
        current.session_generation += 1
        current.save(update_fields=["session_generation"])
        for each in UserSession.objects.filter(user=current):
            each.end()
        audit.record(actor.id, "user.sessions_ended", current.public_id)
