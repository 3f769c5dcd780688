"""An address or a phone number for who may know that there is one, but not which."""

HIDDEN = "•••"


def address(value: str) -> str:
    """`a•••@example.com`, `+1•••55`; what is empty stays empty.

    >>> address("ada@example.com"), address("+14155550155"), address("")
    ('a•••@example.com', '+1•••55', '')
    """
    if not value:
        return ""
    mailbox, at, domain = value.rpartition("@")
    if at:
        return f"{mailbox[:1]}{HIDDEN}@{domain}"
    return f"{value[:2]}{HIDDEN}{value[-2:]}" if len(value) > 6 else HIDDEN
