"""Asking for a page as somebody, and what that did; nothing of it stays."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from merchant_portal.staff.models import User
from merchant_portal.staff.roles import RIGHTS, Right, Role

from .table import Door, Rights

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

DAY = 86_400  # seconds
_SIGN_IN = ("/admin/login/", "/accounts/login/")
_PROVE = ("/accounts/reauthenticate/", "/accounts/2fa/reauthenticate/")
_WRITES = ("INSERT", "UPDATE", "DELETE")
_HARMLESS = ('"django_session"',)
# what a browser's own session keeps is no change of the shop


@dataclass(frozen=True, slots=True)
class Visitor:
    """`role`: None for who may do nothing."""

    name: str
    client: Client
    role: Role | None

    def may(self, needed: Rights) -> bool:
        return self.role is not None and needed <= RIGHTS[self.role]

    def sees_all(self) -> bool:
        return self.may(frozenset({Right.LINKS_ALL}))

    def sign_in(self, user: User) -> None:
        """With all factors, a moment ago, however long the tests take."""
        self.client.force_login(user)
        self._prove(user.pk, time.time() + DAY)

    def _prove(self, pk: object, at: float) -> None:
        session = self.client.session
        session["account_authentication_methods"] = [
            {"method": name, "at": at} for name in ("password", "mfa")
        ]
        session["account_authentication_methods_user"] = str(pk)
        session.save()

    @contextmanager
    def an_hour_later(self) -> Iterator[None]:
        """As if the last proof of who they are was an hour ago."""
        pk, now = self.client.session["_auth_user_id"], time.time()
        self._prove(pk, now - 3600)
        yield
        self._prove(pk, now + DAY)


@dataclass(frozen=True, slots=True)
class Seen:
    """`what`: shown, refused, gone, sign in, prove, no such method or a status."""

    what: str
    wrote: tuple[str, ...]
    response: "Response"

    @property
    def changed(self) -> tuple[str, ...]:
        """What it wrote, but for the note that somebody took a file."""
        return () if self.is_export else self.wrote

    @property
    def is_export(self) -> bool:
        return self.response.get("Content-Type", "").startswith(
            ("text/csv", "application/vnd")
        )


def ask(visitor: Visitor, method: str, url: str, data: dict[str, str]) -> Seen:
    """Undone at the end, so that the next one finds the shop as it was."""
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        response = (
            visitor.client.get(url)
            if method == "GET"
            else visitor.client.post(url, data)
        )
        transaction.set_rollback(True)
    if response.streaming:
        response.close()  # and with it the file that it would read from
    wrote = tuple(_writes(query["sql"] for query in queries.captured_queries))
    return Seen(_what(response), wrote, response)


def _writes(statements: Iterable[str]) -> Iterable[str]:
    for sql in statements:
        if sql.lstrip().startswith(_WRITES) and not any(h in sql for h in _HARMLESS):
            yield sql


def _what(response: "Response") -> str:
    to = response.get("Location", "") or response.get("HX-Redirect", "")
    if to.startswith(_SIGN_IN):
        return "sign in"
    if to.startswith(_PROVE):
        return "prove"
    is_of_front = response.request["PATH_INFO"].startswith("/admin/front/")
    if response.status_code == 302 and to == "/admin/" and not is_of_front:
        return "gone"  # Django's way of saying that there is no such row
    kinds = {403: "refused", 404: "gone", 405: "no such method"}
    if response.status_code in kinds:
        return kinds[response.status_code]
    return "shown" if response.status_code < 500 else str(response.status_code)


def expected(door: Door, visitor: Visitor, method: str, *, is_hidden: bool) -> set[str]:
    """What may be answered; `is_hidden`: somebody else's, whom it was asked by sees
    only own ones."""
    needed = door.needed(method)
    if visitor.role is None:
        return {"sign in"} if needed is not None else {"sign in", "no such method"}
    if needed is None:
        return {"no such method", "refused"}
    if not visitor.may(needed):
        return {"refused", "gone"} if is_hidden else {"refused"}
    if is_hidden:
        return {"gone", "refused"}
    return {"shown"}
