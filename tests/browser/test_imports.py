"""Many links out of a file, as people make them: choose, name the columns, look, make."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from links.models import BulkSend, ImportState, LinkImport, PaymentLink
from links.services import import_work
from links.tests.factories import make_customer
from merchant_portal.staff.models import User
from notifications.models import Message

from .checks import PageAt, assert_clean, shoot

pytestmark = pytest.mark.browser
WIDTHS = pytest.mark.parametrize("width", [390, 1280])
FILE = """Rechnungsnummer;Kunde;E-Mail;Betrag;Beschreibung;Fällig am
R-1;Ada Lovelace;ada@example.com;1.250;Hochzeitstorte mit drei Etagen;31.12.2026
R-2;José Núñez;jose@example.com;12;Brötchen;15.01.2027
R-3;Grace Hopper;grace@example.com;zwölf;Kuchen;01.02.2027
"""


@pytest.fixture(autouse=True)
def _no_second_factor(settings: object) -> None:
    settings.STAFF_MFA_REQUIRED = False  # type: ignore[attr-defined]


def work() -> None:
    import_work.work(LinkImport.objects.latest("pk").pk)


@WIDTHS
def test_a_file_becomes_links_and_a_sending(
    page_at: PageAt, owner: User, tmp_path: Path, width: int
) -> None:
    make_customer("Ada Lovelace", "ada@example.com")
    path = tmp_path / "Rechnungen März.csv"
    path.write_bytes(FILE.encode("cp1252"))
    page = page_at(width, owner)
    page.goto("/admin/links/linkimport/")
    shoot(page, "import-none")
    assert_clean(page)
    page.locator(".mp-empty").get_by_role("link", name="Import links").click()
    page.get_by_label("CSV or XLSX").set_input_files(path)
    shoot(page, "import-add")
    assert_clean(page)
    page.get_by_role("button", name="Continue").click()

    columns = page.get_by_label("Amount", exact=True)
    expect(columns.locator("option:checked")).to_contain_text("Betrag: 1.250")
    expect(
        page.get_by_label("Customer's e-mail").locator("option:checked")
    ).to_contain_text("ada@example.com")
    page.get_by_label("Currency").last.select_option("EUR")
    page.get_by_role("button", name="Check every row").click()
    expect(page.get_by_text("Choose how amounts are written")).to_be_visible()
    shoot(page, "import-columns")
    assert_clean(page)
    page.get_by_label("Amounts").select_option("1.250,50")
    page.get_by_label("Days").select_option("31.12.2026")
    page.get_by_role("button", name="Check every row").click()

    expect(page.get_by_text("Every row is being checked")).to_be_visible()
    shoot(page, "import-checking")
    assert_clean(page)
    work()
    expect(page.get_by_role("heading", name="Mistakes")).to_be_visible()
    expect(
        page.get_by_text("Amounts are read like 1.250,50 here.").first
    ).to_be_visible()
    shoot(page, "import-preview")
    assert_clean(page)
    assert not PaymentLink.objects.exists()
    page.get_by_role("button", name="Import the 2 good rows only").click()

    expect(page.get_by_text("The links are being made")).to_be_visible()
    shoot(page, "import-making")
    assert_clean(page)
    work()
    expect(
        page.get_by_role("heading", name="2 payment links were made")
    ).to_be_visible()
    shoot(page, "import-done")
    assert_clean(page)
    with page.expect_download() as saved:
        page.get_by_role("link", name="Links as a file").click()
    assert "R-2" in saved.value.path().read_text()
    assert not Message.objects.exists()
    page.get_by_role("button", name="Send these links").click()

    expect(page.get_by_role("button", name="Send 2 links")).to_be_visible()
    assert BulkSend.objects.get().size == 2
    page.goto("/admin/links/linkimport/")
    shoot(page, "import-list")
    assert_clean(page)


def test_what_is_no_table_is_said_beside_the_file(
    page_at: PageAt, owner: User, tmp_path: Path
) -> None:
    path = tmp_path / "invoice.csv"
    path.write_bytes(b"%PDF-1.7 ...")
    page = page_at(390, owner)
    page.goto("/admin/links/linkimport/add/")
    page.get_by_label("CSV or XLSX").set_input_files(path)
    page.get_by_role("button", name="Continue").click()

    expect(page.get_by_text("This is a PDF file.")).to_be_visible()
    assert_clean(page)
    assert not LinkImport.objects.exclude(state=ImportState.NEW).exists()
