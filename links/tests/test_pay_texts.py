"""Every text of the public pages and of documents is said in every language we speak."""

import gettext
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.utils.translation.template import templatize

BASE = Path(settings.BASE_DIR)
TEMPLATES = BASE / "templates" / "pay"
# What these say reaches the payer as well.
MODULES = (
    "pay/choosing.py",
    "pay/replying.py",
    "services/asking.py",
    "services/replies.py",
    "documents/invoice.py",
)
SAME = {"Total", "Date", "Description"}  # in French as well
LOCALE = BASE / "links" / "locale"
# What `templatize` makes of the tags: gettext calls in Python.
CALL = re.compile(r"""gettext\(u?(['"])((?:\\.|(?!\1).)*)\1\)""")
IN_PYTHON = re.compile(r"""_\(\s*((?:"[^"]+"\s*)+)\)""")
PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[sd]")


def texts() -> Iterator[str]:
    for path in TEMPLATES.glob("*.html"):
        for _quote, text in CALL.findall(templatize(path.read_text())):
            yield text.replace("\\'", "'").replace('\\"', '"').replace("%%", "%")
    for name in MODULES:
        for parts in IN_PYTHON.findall((BASE / "links" / name).read_text()):
            yield "".join(re.findall(r'"([^"]+)"', parts))


@pytest.mark.parametrize("language", ["de", "fr"])
def test_every_text_is_translated_with_its_placeholders(language: str) -> None:
    compiled = LOCALE / language / "LC_MESSAGES" / "django.mo"
    with compiled.open("rb") as file:
        catalog = gettext.GNUTranslations(file)
    found = set(texts())

    assert len(found) > 60
    for text in found:
        said = catalog.gettext(text)
        assert said != text or text in SAME, text
        assert sorted(PLACEHOLDER.findall(said)) == sorted(PLACEHOLDER.findall(text))
