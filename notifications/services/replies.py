"""What a person means by a message to our number, however they type it."""

import unicodedata

STOP, START, HELP = "stop", "start", "help"
# By language: words that stop, words that begin again, words that ask for help. Whoever
# writes may use another language than we wrote in, so all of them count everywhere.
WORDS: dict[str, tuple[str, str, str]] = {
    # Twilio's own, Amazon's, and those of the United States' rules
    "en": (
        "stop stopall unsubscribe cancel quit end revoke optout opt-out remove td",
        "start unstop yes resume subscribe optin",
        "help info",
    ),
    "ar": (
        "توقف إيقاف أوقف قف إلغاء الغاء",
        "ابدأ ابدا بدء اشتراك اشترك",
        "مساعدة ساعدني معلومات",
    ),
    "da": ("afmeld frameld stop afmelding", "tilmeld begynd", "hjælp"),
    "de": (
        "stopp abmelden abmeldung abbestellen beenden",
        "anmelden weiter starten",
        "hilfe",
    ),
    "es": (
        "baja parar alto cancelar detener salir",
        "alta iniciar empezar continuar",
        "ayuda",
    ),
    "fr": (
        "arret arrêt arrêter stopper désabonner désinscription fin",
        "commencer reprendre démarrer réabonner",
        "aide",
    ),
    "he": ("הסר עצור הפסק בטל ביטול הסרה", "התחל חדש הצטרף", "עזרה מידע"),
    "hi": (
        "बंद रोकें रोको रद्द बंदकरें हटाएं",
        "शुरू चालू शुरूकरें",
        "मदद सहायता जानकारी",
    ),
    "it": (
        "annulla basta ferma fermare cancella disiscrivi",
        "inizia riprendi attiva",
        "aiuto",
    ),
    "ja": (
        "停止 配信停止 解除 中止 ストップ やめる",
        "開始 再開 スタート",
        "ヘルプ 助けて 問い合わせ",
    ),
    "nl": ("afmelden uitschrijven stoppen", "aanmelden beginnen hervatten", "hulp"),
    "pl": (
        "rezygnuję rezygnacja wypisz zatrzymaj koniec",
        "wznów zacznij zapisz",
        "pomoc",
    ),
    "pt": (
        "sair parar cancelar cancela pare remover",
        "iniciar começar voltar retomar",
        "ajuda",
    ),
    "sv": ("avsluta avregistrera avanmäl sluta", "börja starta anmäl", "hjälp"),
    # With dots on every i: those without are read as those with.
    "tr": ("iptal ret dur durdur çik", "başla başlat devam", "yardim bilgi"),
    "zh": (
        "停止 退订 退訂 取消 终止 停 取消订阅",
        "开始 開始 恢复 订阅",
        "帮助 幫助 求助",
    ),
}
TWILIOS_OWN = frozenset(
    {"stop", "stopall", "unsubscribe", "cancel", "quit", "end", "revoke", "optout"}
)
# Twilio confirms these itself, and takes nothing to that number afterwards.
_TURKISH_I = str.maketrans({"\N{LATIN SMALL LETTER DOTLESS I}": "i"})


def _letters(words: str) -> str:
    """Without case, width, marks, spaces, signs and digits."""
    folded = unicodedata.normalize("NFKC", words).casefold().translate(_TURKISH_I)
    return "".join(c for c in unicodedata.normalize("NFKD", folded) if c.isalpha())


def _all(place: int) -> frozenset[str]:
    return frozenset(
        _letters(word) for words in WORDS.values() for word in words[place].split()
    )


_MEANINGS = {STOP: _all(0), START: _all(1), HELP: _all(2)}


def meaning(words: str) -> str:
    """STOP, START, HELP, or empty for anything else.

    Wide, bold and circled letters, dots, spaces, marks, emoji and digits do not hide a
    word. STOP counts on a first line of its own too: phones add signatures below.
    """
    said = _letters(words)
    first = _letters(words.strip().partition("\n")[0])
    if said in _MEANINGS[STOP] or first in _MEANINGS[STOP]:
        return STOP
    return next((name for name in (START, HELP) if said in _MEANINGS[name]), "")


def is_confirmed_by_twilio(words: str) -> bool:
    """Whether Twilio itself answers that SMS, as it does to the English words alone."""
    return unicodedata.normalize("NFKC", words).strip().casefold() in TWILIOS_OWN
