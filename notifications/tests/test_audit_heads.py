"""The daily head of the record of acts: once a day, to every owner, and to a file."""

from pathlib import Path

import pytest
from django.conf import LazySettings

from conftest import FrozenClock
from merchant_portal.audit import heads
from merchant_portal.audit import services as audit
from merchant_portal.audit.models import AuditHead
from merchant_portal.audit.tests.tampering import verdict
from merchant_portal.business.models import Business
from merchant_portal.staff.roles import Role
from merchant_portal.staff.tests.factories import make_user
from notifications import tasks
from notifications.models import Message, MessageContent

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path: Path, settings: LazySettings, frozen: FrozenClock) -> Path:
    settings.VAR_DIR = tmp_path
    audit.record("usr_1", "link.canceled", "plk_1")
    return tmp_path


def test_owners_alone_get_the_line_that_verifies_later(folder: Path) -> None:
    owner = make_user(Role.OWNER, email="olga@shop.example")
    make_user(Role.MANAGER, email="max@shop.example")
    make_user(Role.OWNER, email="gone@shop.example", is_active=False)

    tasks.keep_audit_head()

    message = Message.objects.get()
    assert (message.recipient, message.reference) == (owner.email, owner.public_id)
    words = MessageContent.objects.get().text
    line = next(part for part in words.splitlines() if part.startswith('{"on"'))
    assert heads.parse(line).sequence == 1
    mailed = folder / "from-the-mail.txt"
    mailed.write_text(line)
    assert verdict(mailed).is_whole


def test_runs_a_second_time_without_effect(folder: Path) -> None:
    make_user(Role.OWNER)

    assert [tasks.keep_audit_head() for _each in range(3)] == [True, False, False]

    assert Message.objects.count() == AuditHead.objects.count() == 1
    assert len((folder / heads.FILE_NAME).read_text().splitlines()) == 1


def test_day_turns_by_the_clock_of_the_business(
    folder: Path, frozen: FrozenClock
) -> None:
    Business.objects.current()
    Business.objects.update(time_zone="Pacific/Auckland")
    frozen.move(minutes=-1)  # 23:59 of the 15th in Auckland
    tasks.keep_audit_head()

    frozen.move(minutes=1)
    tasks.keep_audit_head()

    assert [str(head.on) for head in AuditHead.objects.all()] == [
        "2026-06-14",
        "2026-06-15",
    ]


def test_file_that_is_gone_is_written_anew(folder: Path, frozen: FrozenClock) -> None:
    tasks.keep_audit_head()
    frozen.move(days=1)
    (folder / heads.FILE_NAME).unlink()

    tasks.keep_audit_head()

    lines = (folder / heads.FILE_NAME).read_text().splitlines()
    assert [heads.parse(line).on for line in lines] == ["2026-06-14", "2026-06-15"]


def test_day_without_an_act_is_kept_but_not_mailed(
    folder: Path, frozen: FrozenClock
) -> None:
    make_user(Role.OWNER)
    tasks.keep_audit_head()
    frozen.move(days=1)

    assert tasks.keep_audit_head() is True
    assert (AuditHead.objects.count(), Message.objects.count()) == (2, 1)
