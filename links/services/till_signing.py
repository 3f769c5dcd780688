"""The signature of a closed report: who changes a figure in the tables has no key for it.

By AUDIT_KEYS, which are not in the database; each report names the signature of the one
before it, so that none can be taken out unseen.
"""

import hmac
import json
from typing import Any, TypeVar

from django.utils.translation import gettext as _

from merchant_portal.audit import chain

from ..models import DayClose, NumberSeries, Shift

FORMAT = "links.till:1"
EVER = 0
# the year of series that never begin anew
_SERIES: dict[type[Shift] | type[DayClose], str] = {Shift: "Z", DayClose: "D"}
R = TypeVar("R", Shift, DayClose)


def next_number(kind: type[R]) -> str:
    """The next of its series, without gaps. Until this transaction ends nobody else
    closes a report of this kind."""
    series = _SERIES[kind]
    return f"{series}-{NumberSeries.take(series, EVER):06d}"


def last_signature(kind: type[R]) -> str:
    """Of the report before; empty before the first. Call after `next_number`."""
    closed = kind.objects.filter(number__isnull=False).order_by("-number")
    return closed.values_list("signature", flat=True).first() or ""


def sign(figures: dict[str, Any]) -> tuple[str, str]:
    """Version of the key, and the signature in hex."""
    version = chain.newest_key()
    return version, chain.keyed_hash(version, _canonical(figures))


def problems(report: Shift | DayClose) -> list[str]:
    """What is wrong with a closed report's signature, in words; empty where nothing is."""
    try:
        made = chain.keyed_hash(report.key_version, _canonical(report.figures or {}))
    except chain.UnknownKeyVersion:
        return [
            _("AUDIT_KEYS holds no key %s, so its signature cannot be checked.")
            % repr(report.key_version)
        ]
    found = []
    if not hmac.compare_digest(made, report.signature):
        found.append(_("The figures of this report were changed after it was signed."))
    before = type(report).objects.filter(number__lt=report.number or "")
    signature = before.order_by("-number").values_list("signature", flat=True).first()
    if (report.figures or {}).get("previous", "") != (signature or ""):
        found.append(_("The report before this one was changed or is missing."))
    return found


def _canonical(figures: dict[str, Any]) -> bytes:
    return json.dumps([FORMAT, figures], sort_keys=True, separators=(",", ":")).encode()
