import hashlib
import json
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from customers.models import Customer
from links.management.commands import seed_demo
from links.models import DayClose, Shift
from links.services import till_closing, till_days
from merchant_portal.business.models import Business
from merchant_portal.staff.models import ApiKey, User
from merchant_portal.staff.roles import Role

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _short_story(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seed_demo, "SAMPLE_LINKS", 2)


def seed(record: Path) -> dict[str, Any]:
    call_command("seed_demo", record=record)
    found: dict[str, Any] = json.loads(record.read_text())
    return found


def customer(*, is_sample: bool) -> Customer:
    now = datetime(2026, 11, 1, tzinfo=UTC)
    return Customer.objects.create(
        name="Ada", is_sample=is_sample, created_at=now, updated_at=now
    )


def test_makes_a_business_a_sign_in_per_role_and_a_key(tmp_path: Path) -> None:
    record = tmp_path / "demo.json"

    found = seed(record)

    assert stat.S_IMODE(record.stat().st_mode) == 0o600
    assert [user["role"] for user in found["users"]] == list(Role.values)
    for user in found["users"]:
        account = User.objects.get(email=user["email"])
        assert account.role == user["role"]
        assert account.check_password(user["password"])
        assert len(user["password"]) >= 15
    key = ApiKey.objects.get()
    assert key.scopes == ["*"]
    assert key.secret_sha256 == hashlib.sha256(found["api_key"].encode()).hexdigest()
    assert Business.objects.current().is_sample


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    first = seed(tmp_path / "demo.json")
    hashes = set(User.objects.values_list("email", "password"))

    assert seed(tmp_path / "demo.json") == first
    assert set(User.objects.values_list("email", "password")) == hashes
    assert ApiKey.objects.count() == 1


def test_what_it_says_is_true_after_a_lost_record_or_a_changed_password(
    tmp_path: Path,
) -> None:
    record = tmp_path / "demo.json"
    first = seed(record)
    owner = User.objects.get(role=Role.OWNER)
    owner.set_password("something-else-entirely")
    owner.save()
    assert seed(record)["users"] == first["users"]

    record.write_text("{")
    again = seed(record)

    owner.refresh_from_db()
    assert owner.check_password(again["users"][0]["password"])
    assert User.objects.count() == len(Role.values)


def test_refuses_a_database_with_a_real_customer(tmp_path: Path) -> None:
    customer(is_sample=True)
    customer(is_sample=False)

    with pytest.raises(CommandError, match="not sample data"):
        seed(tmp_path / "demo.json")

    assert not (tmp_path / "demo.json").exists()
    assert not User.objects.exists()
    assert not ApiKey.objects.exists()


def test_the_till_has_closed_days_and_an_open_shift(tmp_path: Path) -> None:
    seed(tmp_path / "demo.json")
    seed(tmp_path / "demo.json")

    closed = list(Shift.objects.filter(number__isnull=False).order_by("number"))
    assert [shift.number for shift in closed] == ["Z-000001", "Z-000002", "Z-000003"]
    over = [(shift.figures or {})["cash"][0]["over"] for shift in closed]
    assert over == [0, -100, 0]
    assert Shift.objects.filter(number=None).count() == 1
    days = list(DayClose.objects.all())
    assert len(days) == 3
    assert all(till_closing.problems(shift) == [] for shift in closed)
    assert all(till_days.problems(made) == [] for made in days)
