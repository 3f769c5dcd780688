"""Words that threaten, in the languages that customers are written to in.

Beginnings of words, in lower case; in scripts without spaces, parts of a sentence. They
only warn: `court` is also where one plays tennis.
"""

import re
from functools import cache

_THREATS = {
    "en": "lawyer attorney solicitor police court bailiff lawsuit prosecut arrest jail"
    " prison debt_collect collection_agenc legal_action legal_proceed"
    " legal_consequence credit_rating blacklist final_warning last_warning or_else seiz",
    "de": "anwalt anwält rechtsanw polizei gericht inkasso mahnbescheid"
    " gerichtsvollzieher zwangsvollstreck pfänd klage strafanzeige anzeige_erstatt"
    " rechtliche_schritte schufa letzte_warnung letzte_mahnung gefängnis betreibung",
    "fr": "avocat police tribuna huissier poursuite recouvrement contentieux saisie"
    " prison plainte mise_en_demeure action_en_justice voie_judiciaire voies_judiciaires"
    " dernier_avertissement fichage",
    "es": "abogad policía policia tribunal juzgado demanda_judicial embarg denuncia"
    " cárcel prisión cobro_judicial acciones_legales acción_legal vía_judicial morosos"
    " último_aviso",
    "it": "avvocat polizia carabinieri tribunal pignorament denuncia carcere prigione"
    " recupero_crediti azioni_legali vie_legali ingiunzione ufficiale_giudiziario"
    " ultimo_avviso diffida",
    "pt": "advogad polícia policia tribuna penhora prisão cadeia processo_judicial"
    " ação_judicial acção_judicial via_judicial cobrança_judicial último_aviso oficial_de_justiça",
    "nl": "advoca politie rechtbank deurwaarder incasso gevangenis dagvaard"
    " beslag juridische_stappen gerechtelijk laatste_waarschuwing bkr",
    "da": "advokat politi retten domstol inkasso foged fængsel retssag stævning rki"
    " retslige_skridt sidste_advarsel",
    "sv": "advokat polis domstol inkasso kronofogd fängelse stämning rättsliga_åtgärder"
    " betalningsanmärkning sista_varning",
    "pl": "adwokat prawnik policj sądow sądu sądem komornik windykac więzieni pozew egzekucj"
    " kroki_prawne krd big_infomonitor ostatnie_ostrzeżenie ostateczne_wezwanie",
    "tr": "avukat polis mahkeme icra haciz dava hapis savc yasal_işlem kara_liste"
    " son_uyar",
    "ar": "محام محكم شرطة قضائي دعوى سجن الحجز_على إجراءات_قانونية تحصيل_الديون إنذار_أخير",
    "he": "עורך_דין עו״ד עורכי_דין משטרה בית_משפט בית_המשפט הוצאה_לפועל תביעה עיקול מאסר"
    " הליכים_משפטיים אזהרה_אחרונה",
    "hi": "वकील पुलिस अदालत न्यायालय मुकदमा मुक़दमा जेल कुर्की कानूनी_कार्रवाई क़ानूनी_कार्रवाई अंतिम_चेतावनी",
    "ja": "弁護士 警察 裁判 差し押さえ 差押 訴訟 法的措置 法的手段 取り立て 逮捕 最終警告 ブラックリスト",
    "zh": "律师 警察 报警 法院 起诉 诉讼 查封 催收 拘留 坐牢 监狱 法律手段 法律程序 最后警告 黑名单 失信",
}
_UNSPACED = ("ja", "zh", "hi", "ar", "he")


@cache
def _pattern(language: str) -> re.Pattern[str]:
    words = [
        re.escape(word).replace("_", r"\s+") for word in _THREATS[language].split()
    ]
    found = "|".join(sorted(words, key=len, reverse=True))
    if language in _UNSPACED:
        return re.compile(found)
    return re.compile(rf"(?<!\w)(?:{found})\w*")


def threats_in(text: str, language: str) -> list[str]:
    """Words of that language, or of English, which everybody borrows, that threaten."""
    lowered = text.lower()
    own = language.partition("-")[0]
    found: dict[str, None] = {}
    for name in (own, "en"):
        if name in _THREATS:
            found.update((match[0], None) for match in _pattern(name).finditer(lowered))
    return list(found)
