"""Public identifiers: a prefix that names the kind, and 20 random base62 characters."""

import secrets

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
LENGTH = 20
# 119 bits: never guessed, never repeated; short enough for every provider's limits
MAX_LENGTH = 24
# longest prefix with its underscore, plus LENGTH; the width of the columns


def new(prefix: str) -> str:
    """A fresh id such as `plk_3fJ0…`."""
    return f"{prefix}_{''.join(secrets.choice(ALPHABET) for _ in range(LENGTH))}"
