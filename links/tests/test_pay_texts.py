"""Every text of the public pages and of documents is said in every language we speak."""

import gettext
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from babel.messages import pofile
from django.conf import settings
from django.utils.translation import to_locale
from django.utils.translation.template import templatize

BASE = Path(settings.BASE_DIR)
PAGES = sorted((BASE / "templates" / "pay").glob("*.html"))
OTHER_PAGES = [BASE / "templates" / "notifications" / "unsubscribe.html"]
# What these say reaches the payer as well.
MODULES = (
    "pay/choosing.py",
    "pay/replying.py",
    "services/asking.py",
    "services/replies.py",
    "documents/buttons.py",
    "documents/invoice.py",
    "pay/verifying.py",
    "documents/parts.py",
    "documents/receipt.py",
    "documents/credit_note.py",
    "documents/letter.py",
    "services/message_values.py",
)
# What `templatize` makes of the tags: gettext calls in Python.
CALL = re.compile(r"""gettext\(u?(['"])((?:\\.|(?!\1).)*)\1\)""")
IN_PYTHON = re.compile(r"""_\(\s*((?:"[^"]+"\s*)+)\)""")
PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[sd]")


def of_pages(paths: Iterable[Path]) -> Iterator[str]:
    for path in paths:
        for _quote, text in CALL.findall(templatize(path.read_text())):
            yield text.replace("\\'", "'").replace('\\"', '"').replace("%%", "%")


def of_modules() -> Iterator[str]:
    for name in MODULES:
        for parts in IN_PYTHON.findall((BASE / "links" / name).read_text()):
            yield "".join(re.findall(r'"([^"]+)"', parts))


TEXTS = {
    "links": {*of_pages(PAGES), *of_modules()},
    "notifications": {*of_pages(OTHER_PAGES)},
}


@pytest.mark.parametrize("language", [code for code, _ in settings.LANGUAGES[1:]])
@pytest.mark.parametrize("app", list(TEXTS))
def test_every_text_is_translated_with_its_placeholders(
    app: str, language: str
) -> None:
    folder = BASE / app / "locale" / to_locale(language) / "LC_MESSAGES"
    with (folder / "django.po").open("rb") as file:
        written = pofile.read_po(file)
    with (folder / "django.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)

    assert len(TEXTS["links"]) > 110
    for text in TEXTS[app]:
        said = written[text].string if text in written else ""
        assert said, f"{language} lacks {text!r}"
        assert not written[text].fuzzy, text
        assert compiled.gettext(text) == said, "compilemessages was not run"
        assert sorted(PLACEHOLDER.findall(said)) == sorted(PLACEHOLDER.findall(text))
