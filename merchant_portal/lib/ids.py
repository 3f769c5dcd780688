"""Public identifiers: a prefix that names the kind, and 20 random base62 characters."""

import secrets

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
LENGTH = 20
# 119 bits: never guessed, never repeated; short enough for every provider's limits
MAX_LENGTH = 24
# longest prefix with its underscore, plus LENGTH; the width of the columns


_COUNT = 62**LENGTH


def new(prefix: str) -> str:
    """A fresh id such as `plk_3fJ0…`."""
    # One draw for all characters: of many links at once the draws took longest.
    number = secrets.randbelow(_COUNT)
    characters = []
    for _ in range(LENGTH):
        number, rest = divmod(number, 62)
        characters.append(ALPHABET[rest])
    return f"{prefix}_{''.join(characters)}"
