"""PayPal's list of the events of an app: newest first, page by page, told or not."""

import urllib.parse
from collections.abc import Mapping
from datetime import datetime

from proofs.fakes import paypal_objects as objects
from proofs.fakes.ledger import Json, Ledger
from proofs.fakes.paypal_errors import PayPalError

KNOWN = {"page_size", "start_time", "end_time", "transaction_id", "event_type"}
DEFAULT_SIZE, LARGEST = 10, 300


def listed(ledger: Ledger, params: Mapping[str, str], *, base: str) -> Json:
    """One page for the query of a GET. Raises PayPalError 400.

    The address of the next page is the same question up to an earlier moment.
    """
    if set(params) - KNOWN:
        raise PayPalError(400, "INVALID_PARAMETER_VALUE")
    first, last = _moment(params, "start_time"), _moment(params, "end_time")
    size = params.get("page_size", str(DEFAULT_SIZE))
    if not size.isdecimal() or not 1 <= int(size) <= LARGEST:
        raise PayPalError(400, "INVALID_PARAMETER_VALUE", field="page_size")
    found = [
        event
        for event in ledger.objects("event")
        if (first is None or first <= _at(event))
        and (last is None or _at(event) <= last)
        and params.get("event_type", event["event_type"]) == event["event_type"]
    ]
    found.sort(key=_at, reverse=True)
    page, rest = found[: int(size)], found[int(size) :]
    links = [objects.link(f"{base}{objects.EVENTS}", "self")]
    if rest:
        query = urllib.parse.urlencode({**params, "end_time": rest[0]["create_time"]})
        links.append(objects.link(f"{base}{objects.EVENTS}?{query}", "next"))
    return {"events": page, "count": len(page), "links": links}


def _at(event: Json) -> datetime:
    return datetime.fromisoformat(event["create_time"])


def _moment(params: Mapping[str, str], name: str) -> datetime | None:
    if name not in params:
        return None
    try:
        found = datetime.fromisoformat(params[name])
    except ValueError as exc:
        raise PayPalError(400, "INVALID_PARAMETER_VALUE", field=name) from exc
    if found.tzinfo is None:
        raise PayPalError(400, "INVALID_PARAMETER_VALUE", field=name)
    return found
