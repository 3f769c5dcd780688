from typing import ClassVar

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from ..admin.rights import RightsMixin
from ..models import ApiKey, User
from ..roles import Right, Role


class LinksLikeAdmin(RightsMixin, ModelAdmin):  # type: ignore[misc]
    view_right: ClassVar[Right] = Right.LINKS_READ
    add_right = Right.LINKS_WRITE
    change_right = Right.BUSINESS_WRITE


def request_of(user: User | AnonymousUser) -> HttpRequest:
    request = HttpRequest()
    request.user = user
    return request


@pytest.mark.parametrize(
    ("role", "view", "add", "change"),
    [
        (Role.OWNER, True, True, True),
        (Role.MANAGER, True, True, False),
        (Role.AGENT, True, True, False),
        (Role.FINANCE, True, False, False),
        (Role.AUDITOR, True, False, False),
    ],
)
def test_role_decides_what_the_admin_allows(
    role: Role, view: bool, add: bool, change: bool
) -> None:
    screen = LinksLikeAdmin(ApiKey, site)
    request = request_of(User(email="a@staff.example", role=role))

    assert screen.has_module_permission(request) is view
    assert screen.has_view_permission(request) is view
    assert screen.has_add_permission(request) is add
    assert screen.has_change_permission(request) is change
    assert screen.has_delete_permission(request) is False


def test_who_is_switched_off_or_unknown_may_nothing() -> None:
    screen = LinksLikeAdmin(ApiKey, site)
    off = User(email="a@staff.example", role=Role.OWNER, is_active=False)

    for user in (off, AnonymousUser()):
        request = request_of(user)
        assert screen.has_module_permission(request) is False
        assert screen.has_view_permission(request) is False
        assert screen.has_add_permission(request) is False
        assert screen.has_change_permission(request) is False
