"""The daily head: where the chain ended, signed, kept outside the database as well.

Who cuts off the newest entries leaves a chain that is whole; only somebody who knows
how long it was can tell.
"""

import hmac
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from . import chain, services
from .models import AuditHead

FILE_NAME = "audit-heads.jsonl"


class MalformedHead(ValueError):
    """A line that is no head, or that was not signed with one of AUDIT_KEYS."""


@dataclass(frozen=True, slots=True)
class Head:
    """`on`: ISO date. `hash`: of the entry with that `sequence`, hex."""

    on: str
    sequence: int
    hash: str
    key_version: str
    signature: str

    def line(self) -> str:
        """As it is exported and mailed."""
        return json.dumps(asdict(self), separators=(",", ":"))


def keep(on: date) -> Head | None:
    """Store the head of the day `on`; None if it is stored already."""
    if AuditHead.objects.filter(on=on).exists():
        return None
    sequence, digest = services.tail()
    version = chain.newest_key()
    signature = _signature(on.isoformat(), sequence, digest, version)
    stored, is_new = AuditHead.objects.get_or_create(
        on=on,
        defaults={
            "sequence": sequence,
            "hash": digest,
            "key_version": version,
            "signature": signature,
        },
    )
    return _head(stored) if is_new else None


def has_news(head: Head) -> bool:
    """Whether the chain grew since the head before this one."""
    before = AuditHead.objects.filter(on__lt=head.on).order_by("-on").first()
    return head.sequence > (before.sequence if before else 0)


def stored(after: str = "") -> Iterator[Head]:
    """The heads in the database, oldest first. `after`: ISO date, exclusive."""
    rows = AuditHead.objects.order_by("on")
    if after:
        rows = rows.filter(on__gt=date.fromisoformat(after))
    for row in rows.iterator():
        yield _head(row)


def export(folder: Path) -> int:
    """Add to the file in `folder` the heads that it lacks; returns how many.

    Lines are only ever added; only a last one that a crash cut short goes first.
    """
    path = folder / FILE_NAME
    path.touch(mode=0o600)
    with path.open("r+b") as file:
        last, end = "", 0
        for line in file:
            if line.endswith(b"\n"):
                last, end = max(last, _day_of(line)), end + len(line)
        fresh = list(stored(after=last))
        file.seek(end)
        file.truncate()
        file.writelines(f"{head.line()}\n".encode() for head in fresh)
    return len(fresh)


def _day_of(line: bytes) -> str:
    """The day of an exported line; "" for one that verify_audit will complain of."""
    try:
        return parse(line.decode()).on
    except (MalformedHead, UnicodeDecodeError):
        return ""


def parse(line: str) -> Head:
    """A head from its line, its signature checked; raises MalformedHead."""
    try:
        head = Head(**json.loads(line))
        wanted = _signature(head.on, head.sequence, head.hash, head.key_version)
    except chain.UnknownKeyVersion as exc:
        raise MalformedHead(f"AUDIT_KEYS holds no key {exc.args[0]!r}") from exc
    except (TypeError, ValueError) as exc:
        raise MalformedHead("no head of an audit log") from exc
    if not hmac.compare_digest(str(head.signature), wanted):
        raise MalformedHead("changed since it was signed")
    return head


def _signature(on: str, sequence: int, digest: str, version: str) -> str:
    return chain.keyed_hash(version, f"head:{on}:{sequence}:{digest}".encode())


def _head(row: AuditHead) -> Head:
    return Head(
        row.on.isoformat(), row.sequence, row.hash, row.key_version, row.signature
    )
