"""Which texts of the screens lack a translation; run by `make check`.

`python -m scripts.texts write` adds what is new to the catalogs of the back-office, takes
out what nothing says any more, and compiles them.
"""

import io
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages import Catalog
from babel.messages.catalog import Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation.template import templatize

ROOT = Path(__file__).parent.parent
SCREENS = ROOT / "merchant_portal" / "staff" / "locale"
PUBLIC = (ROOT / "links" / "locale", ROOT / "notifications" / "locale")
APPS = ("customers", "links", "merchant_portal", "notifications")
LANGUAGES = ("de", "es", "fr")
KEYWORDS = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
}
HEADER = """\
# Texts of the back-office; `python -m scripts.texts write` keeps them complete.
msgid ""
msgstr ""
"Language: {language}\\n"
"Plural-Forms: nplurals=2; plural=({plural});\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""
Said = tuple[str, str]
# a text and its plural, which is empty where it has none


def said() -> dict[Said, list[str]]:
    """Every text that the product can say on a page → the files that say it."""
    found: dict[Said, list[str]] = {}
    for path in _files():
        name = str(path.relative_to(ROOT))
        for text in _texts(path):
            places = found.setdefault(text, [])
            if name not in places:
                places.append(name)
    return found


def _files() -> Iterator[Path]:
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            if not {"tests", "migrations"} & set(path.parts):
                yield path
    yield from sorted((ROOT / "templates").rglob("*.html"))


def _texts(path: Path) -> Iterator[Said]:
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".html":
        # In brackets, because what is left of a template is indented as it likes.
        source = f"(\n{templatize(source)}\n)"
    for _line, found, _comments, _context in extract(
        "python", io.BytesIO(source.encode()), keywords=KEYWORDS
    ):
        if isinstance(found, str):
            yield found, ""
        elif found[0]:
            yield str(found[0]), str(found[1])


def missing(language: str) -> list[Said]:
    """What the screens say, and no catalog has in that language."""
    known = _translated(SCREENS / language)
    for folder in PUBLIC:
        known |= _translated(folder / language)
    return [text for text in said() if text[0] and text not in known]


def _translated(folder: Path) -> set[Said]:
    return {
        _key(message)
        for message in _read(folder)
        if message.id and all(_strings(message))
    }


def _read(folder: Path) -> Catalog:
    path = folder / "LC_MESSAGES" / "django.po"
    if not path.exists():
        return Catalog(locale=folder.name)
    with path.open("rb") as file:
        return read_po(file, locale=folder.name)


def _key(message: Message) -> Said:
    if isinstance(message.id, str):
        return message.id, ""
    return message.id[0], message.id[1]


def _strings(message: Message) -> tuple[str, ...]:
    said = message.string
    return (said,) if isinstance(said, str) else tuple(said or ("",))


def write(language: str) -> int:
    """Bring the catalog of the screens up to date; returns how many lack a translation."""
    known = {_key(each): each.string for each in _read(SCREENS / language) if each.id}
    public: set[Said] = set()
    for folder in PUBLIC:
        public |= _translated(folder / language)
    catalog = Catalog(locale=language, fuzzy=False)
    for (text, plural), places in sorted(said().items()):
        key = (text, plural)
        if not text or (key in public and key not in known):
            continue
        catalog.add(
            (text, plural) if plural else text,
            known.get(key) or (("",) * catalog.num_plurals if plural else ""),
            locations=[(place, 0) for place in places[:2]],
        )
    folder = SCREENS / language / "LC_MESSAGES"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "django.po").open("wb") as file:
        head = HEADER.format(language=language, plural=catalog.plural_expr.strip("()"))
        file.write(head.encode())
        write_po(file, catalog, width=100, include_lineno=False, omit_header=True)
    with (folder / "django.mo").open("wb") as file:
        write_mo(file, catalog)
    return sum(not all(_strings(each)) for each in catalog if each.id)


def main(arguments: list[str]) -> int:
    if not settings.configured:
        settings.configure()
    if arguments == ["write"]:
        for language in LANGUAGES:
            print(f"{language}: {write(language)} to translate")
        return 0
    lacking = {language: missing(language) for language in LANGUAGES}
    for language, texts in lacking.items():
        for text, _plural in texts[:20]:
            print(f"{language}: no translation of {text!r}")
    return int(any(lacking.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
