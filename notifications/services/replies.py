"""What a person means by an SMS, however they type it."""

import unicodedata

STOP, START = "stop", "start"
_STOP_WORDS = frozenset(
    {
        "stop",
        "stopall",
        "unsubscribe",
        "quit",
        "end",
        "revoke",
        "optout",
        "cancel",
        "stopp",
        "abmelden",
        "arret",
        "arrêt",
    }
)
# Twilio's own list, and the same in German and French.
_START_WORDS = frozenset({"start", "unstop", "yes"})


def meaning(words: str) -> str:
    """STOP, START, or empty for anything else.

    Wide, bold and circled letters, dots, spaces, marks, emoji and digits do not hide a
    word. STOP counts on a first line of its own too: phones add signatures below.
    """
    said = _letters(words)
    if said in _STOP_WORDS or _letters(words.strip().partition("\n")[0]) in _STOP_WORDS:
        return STOP
    return START if said in _START_WORDS else ""


def _letters(words: str) -> str:
    folded = unicodedata.normalize("NFKC", words).casefold()
    return "".join(c for c in unicodedata.normalize("NFC", folded) if c.isalpha())
