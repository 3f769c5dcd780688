"""The first way in."""

from django.contrib.auth.password_validation import validate_password

from merchant_portal.lib.actors import SYSTEM

from ..models import User
from ..roles import Role
from . import people


def create_owner(email: str, name: str = "", password: str | None = None) -> User:
    """Add an owner from the command line; without a password, one who sets it by link.

    Raises people.StaffError for an address that is known, and Django's
    ValidationError for a password that is too weak.
    """
    if password is not None:
        validate_password(password, User(email=email, name=name))
    return people.add(email, name, Role.OWNER, actor=SYSTEM, password=password)
