"""People and keys for tests."""

from itertools import count

from ..models import User
from ..roles import Role

PASSWORD = "correct horse battery staple"
_numbers = count(1)


def make_user(
    role: Role = Role.OWNER,
    *,
    email: str = "",
    password: str | None = None,
    name: str = "",
    is_active: bool = True,
) -> User:
    """A saved member of staff; without a password, one who cannot sign in by it."""
    address = email or f"{role}{next(_numbers)}@staff.example"
    user = User.objects.create_user(address, password, role=role, name=name)
    if not is_active:
        user.is_active = False
        user.save(update_fields=["is_active"])
    return user
