"""Who may see and change what in the admin: the table of rights, nothing else."""

from collections.abc import Callable
from functools import wraps
from typing import Any, ClassVar, Concatenate, ParamSpec, TypeVar

from django.core.exceptions import PermissionDenied
from django.db.models import BooleanField, Model, QuerySet, Value
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from merchant_portal.lib import masks
from merchant_portal.lib.actors import Actor

from ..models import User
from ..roles import Right

M = TypeVar("M", bound=Model)
P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def user_of(request: HttpRequest) -> User:
    """Who is signed in; only behind the admin's permissions."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def actor_of(request: HttpRequest) -> Actor:
    return user_of(request).actor()


def may(request: HttpRequest, right: Right | None) -> bool:
    """Whether who asks is signed in, switched on, and their role allows it."""
    user = request.user
    return right is not None and isinstance(user, User) and user.may(right)


def with_mask(request: HttpRequest, rows: QuerySet[M]) -> QuerySet[M]:
    """A queryset whose rows know whether this reader may see addresses and phone numbers."""
    is_masked = not may(request, Right.CUSTOMERS_CONTACT)
    return rows.annotate(  # type: ignore[return-value]
        is_masked=Value(is_masked, output_field=BooleanField())
    )


def address_of(row: Model, value: str) -> str:
    """An address on a row of `with_mask`, as its reader may see it."""
    return masks.address(value) if getattr(row, "is_masked", True) else value


def needs(right: Right) -> Callable[[View[P]], View[P]]:
    """Refuse with 403 whoever's role does not allow `right`."""

    def decorator(view: View[P]) -> View[P]:
        @wraps(view)
        def checked(
            request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs
        ) -> HttpResponseBase:
            if not user_of(request).may(right):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return checked

    return decorator


class RightsMixin:
    """First base of every model admin and inline: answers Django by `User.may`.

    A right left None allows nobody, so a screen is read-only until it says more.
    """

    view_right: ClassVar[Right]
    add_right: ClassVar[Right | None] = None
    change_right: ClassVar[Right | None] = None
    delete_right: ClassVar[Right | None] = None
    # Facts are kept: rows are switched off, revoked or canceled, not deleted.

    def has_module_permission(self, request: HttpRequest) -> bool:
        return may(request, self.view_right)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, self.view_right)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, self.add_right)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, self.change_right)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, self.delete_right)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """Django's own log keeps names for ever; services write to the audit log."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """See log_addition."""
