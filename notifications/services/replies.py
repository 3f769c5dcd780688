"""What a person means by an SMS, however they type it."""

import unicodedata

STOP, START = "stop", "start"
_STOP = """
stop stopall unsubscribe quit end revoke optout cancel
abmelden stopp arret arrêt
baja parar cancelar annulla basta sair afmelden uitschrijven afmeld frameld avsluta
rezygnuję wypisz iptal ret dur
توقف إيقاف إلغاء עצור הסר बंद रोकें 停止 配信停止 解除 退订 取消 td
"""
# Twilio's own list, then what people write in the languages of our texts.
_START = "start unstop yes"


def _letters(words: str) -> str:
    folded = unicodedata.normalize("NFKC", words).casefold()
    return "".join(c for c in unicodedata.normalize("NFC", folded) if c.isalpha())


_STOP_WORDS = frozenset(_letters(word) for word in _STOP.split())
_START_WORDS = frozenset(_START.split())


def meaning(words: str) -> str:
    """STOP, START, or empty for anything else.

    Wide, bold and circled letters, dots, spaces, marks, emoji and digits do not hide a
    word. STOP counts on a first line of its own too: phones add signatures below.
    """
    said = _letters(words)
    if said in _STOP_WORDS or _letters(words.strip().partition("\n")[0]) in _STOP_WORDS:
        return STOP
    return START if said in _START_WORDS else ""
