"""`import_customers`: who is new is added, who is known is changed, all rows or none."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from customers.models import Customer
from customers.services import customers
from merchant_portal.audit.models import AuditEntry

from .factories import make_customer

pytestmark = pytest.mark.django_db
HEAD = "Kundennummer;Name;E-Mail;Telefon;Sprache;Tags;Farbe\n"


def run(path: Path, text: str, *options: str) -> tuple[str, str]:
    path.write_bytes(text.encode("cp1252"))
    out, err = StringIO(), StringIO()
    call_command("import_customers", str(path), *options, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "customers.csv"


def test_adds_who_is_new_and_changes_who_is_known(path: Path) -> None:
    known = make_customer("Ana Silva", email="ana@example.com", tags=("vip",))
    text = HEAD + "7;José Núñez;jose@example.com;+14155550100;ES;a,b;rot\n"
    text += ";;ANA@example.com;+14155550101;;c;\n"

    out, err = run(path, text, "--source", "crm")

    assert out == "1 added, 1 changed\n"
    assert err == "not read: Farbe\n"
    new = Customer.objects.get(source="crm", external_ref="7")
    assert (new.name, new.language, new.tags) == ("José Núñez", "es", ["a", "b"])
    assert customers.phone_of(new) == "+14155550100"
    assert list(customers.search("núñez")) == [new]
    known.refresh_from_db()
    assert (known.name, known.tags) == ("Ana Silva", ["vip", "c"])
    assert customers.email_of(known) == "ana@example.com"
    assert customers.phone_of(known) == "+14155550101"
    last = AuditEntry.objects.latest("sequence")
    assert (last.action, last.details) == (
        "customers.imported",
        {"added": 1, "changed": 1},
    )


def test_the_same_file_again_changes_nothing(path: Path) -> None:
    text = HEAD + "7;Ana;ana@example.com;;;;\n8;Bo;;+14155550100;;;\n"
    run(path, text, "--source", "crm")

    out, _err = run(path, text, "--source", "crm")

    assert out == "0 added, 0 changed\n"
    assert Customer.objects.count() == 2


def test_one_mistake_and_nobody_is_added(path: Path) -> None:
    text = HEAD + "7;Ana;ana@example.com;;;;\n8;Bo;no address;;xx;;\n7;Cy;;;;;\n"

    with pytest.raises(CommandError, match="3 mistakes in 3 rows"):
        run(path, text)
    assert not Customer.objects.exists()

    out, err = run(path, text, "--good-rows-only")
    assert out == "1 added, 0 changed\n"
    assert "row 3, email:" in err
    assert "row 3, language:" in err
    assert "row 4, all: Row 2 is about the same customer." in err
    assert Customer.objects.get().name == "Ana"


def test_what_is_no_table_is_refused_in_words(path: Path) -> None:
    with pytest.raises(CommandError, match="PDF"):
        run(path, "%PDF-1.7")
    with pytest.raises(CommandError, match="No column is called name"):
        run(path, "a;b\n1;2\n")
    with pytest.raises(CommandError, match="No such file"):
        call_command("import_customers", str(path.with_name("other.csv")))
