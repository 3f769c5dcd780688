"""The back-office says nothing in half of a language."""

import shutil
from pathlib import Path

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from links.tests.factories import make_user
from scripts import texts

NAMES = {"de": "Zahlungslinks", "es": "Enlaces de pago", "fr": "Liens de paiement"}


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_every_text_of_the_screens_has_a_translation(language: str) -> None:
    assert texts.missing(language) == []


def test_control_a_text_that_lacks_one_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(texts.SCREENS, tmp_path / "locale")
    catalog = tmp_path / "locale" / "de" / "LC_MESSAGES" / "django.po"
    kept = [
        part
        for part in catalog.read_text().split("\n\n")
        if 'msgid "Payment links"' not in part
    ]
    catalog.write_text("\n\n".join(kept))
    monkeypatch.setattr(texts, "SCREENS", tmp_path / "locale")

    assert texts.missing("de") == [("Payment links", "")]


@pytest.mark.django_db
@pytest.mark.parametrize(("language", "name"), NAMES.items())
def test_the_front_page_speaks_it(settings: Settings, language: str, name: str) -> None:
    settings.STAFF_MFA_REQUIRED = False
    client = Client(headers={"accept-language": language})
    client.force_login(make_user())

    page = client.get("/admin/").content.decode()

    assert name in page
    assert f'lang="{language}"' in page
