"""Square's lists: time ranges, order, and cursors bound to the query they came from."""

import base64
import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from proofs.fakes.ledger import Json
from proofs.fakes.square_objects import SquareError
from proofs.fakes.square_rules import part

SORTED_BY = {"CREATED_AT": "created_at", "UPDATED_AT": "updated_at"}

SEARCH_FIELDS = SORTED_BY | {"CLOSED_AT": "closed_at"}
# query name -> where its value is in the object
EQUAL = {
    "location_id": ("location_id",),
    "status": ("status",),
    "source_type": ("source_type",),
    "total": ("total_money", "amount"),
    "last_4": ("card_details", "card", "last_4"),
    "card_brand": ("card_details", "card", "card_brand"),
}


def listed(rows: list[Json], params: Mapping[str, str], *, name: str) -> Json:
    """One page of payments or refunds (oldest first) for the query of a GET."""
    for key, path in EQUAL.items():
        if key in params:
            rows = [row for row in rows if str(_dig(row, path)) == params[key]]
    rows = _within(rows, "created_at", params.get("begin_time"), params.get("end_time"))
    rows = _within(
        rows,
        "updated_at",
        params.get("updated_at_begin_time"),
        params.get("updated_at_end_time"),
    )
    field = _field(params.get("sort_field", "CREATED_AT"), SORTED_BY)
    order = params.get("sort_order") or "DESC"
    limit = _limit(params.get("limit"), default=100, most=100)
    return _page(rows, dict(params), field=field, order=order, limit=limit, name=name)


def link_page(rows: list[Json], params: Mapping[str, str]) -> Json:
    """One page of payment links, newest first."""
    limit = _limit(params.get("limit"), default=100, most=1000)
    return _page(
        rows,
        dict(params),
        field="created_at",
        order="DESC",
        limit=limit,
        name="payment_links",
    )


def plain_page(
    rows: list[Json], params: Mapping[str, str], *, name: str, limit: int
) -> Json:
    """One page of what has no order to ask for, newest first."""
    return _page(
        rows, dict(params), field="created_at", order="DESC", limit=limit, name=name
    )


def searched(rows: list[Json], body: Json) -> Json:
    """One page of orders (oldest first) for a SearchOrders body."""
    places = body.get("location_ids")
    if not isinstance(places, list) or not places:
        raise SquareError(
            400, "MISSING_REQUIRED_PARAMETER", "Missing.", field="location_ids"
        )
    query = part(body, "query")
    wanted = part(query, "filter")
    sort = part(query, "sort")
    field = _field(sort.get("sort_field", "CREATED_AT"), SEARCH_FIELDS)
    rows = [row for row in rows if row["location_id"] in places]
    for name in wanted:
        rule = part(wanted, name)
        if name == "state_filter":
            rows = [row for row in rows if row["state"] in rule.get("states", ())]
        elif name == "date_time_filter":
            for moment in rule:
                limits = part(rule, moment)
                if moment != field:
                    raise SquareError(
                        400, "BAD_REQUEST", f"sort_field must be {moment.upper()}."
                    )
                rows = _within(
                    rows, field, limits.get("start_at"), limits.get("end_at")
                )
        else:
            raise SquareError(400, "NOT_IMPLEMENTED", f"This fake does no {name}.")
    rows = [row for row in rows if field in row]
    return _page(
        rows,
        body,
        field=field,
        order=sort.get("sort_order") or "DESC",
        limit=_limit(body.get("limit"), default=500, most=1000),
        name="orders",
    )


def entries(found: Json) -> Json:
    """The same page of orders as entries."""
    orders = found.pop("orders", [])
    names = ("version", "location_id")
    brief = [{"order_id": row["id"]} | {n: row[n] for n in names} for row in orders]
    return found | ({"order_entries": brief} if brief else {})


def _page(
    rows: list[Json],
    query: Json,
    *,
    field: str,
    order: str,
    limit: int,
    name: str,
) -> Json:
    if order not in ("ASC", "DESC"):
        raise SquareError(400, "INVALID_SORT_ORDER", "ASC or DESC.", field="sort_order")
    # A cursor points behind a row, so what is new meanwhile neither shifts nor repeats.
    keyed = [((row[field], row["id"]), row) for row in rows]
    keyed.sort(key=lambda pair: pair[0], reverse=order == "DESC")
    same = {k: v for k, v in query.items() if k not in ("cursor", "limit")}
    digest = hashlib.sha256(json.dumps(same, sort_keys=True).encode()).hexdigest()[:16]
    if query.get("cursor"):
        after = _decoded(query["cursor"], digest)
        keyed = [
            pair
            for pair in keyed
            if (pair[0] < after if order == "DESC" else pair[0] > after)
        ]
    page = keyed[:limit]
    # Square leaves an empty list out altogether.
    answer: Json = {name: [row for _, row in page]} if page else {}
    if len(keyed) > limit:
        raw = json.dumps([digest, *page[-1][0]]).encode()
        answer["cursor"] = base64.urlsafe_b64encode(raw).decode()
    return answer


def _decoded(cursor: Any, digest: str) -> tuple[str, str]:
    try:
        origin, value, identity = json.loads(base64.urlsafe_b64decode(cursor))
    except (TypeError, ValueError):
        origin = ""
    if origin != digest:
        raise SquareError(400, "INVALID_CURSOR", "Not of this query.", field="cursor")
    return str(value), str(identity)


def _within(
    rows: list[Json], field: str, begin: str | None, end: str | None
) -> list[Json]:
    """Rows whose moment lies between the two, both inclusive."""
    first, last = _moment(begin), _moment(end)
    if first and last and first > last:
        raise SquareError(400, "INVALID_TIME_RANGE", "The end is before the begin.")
    if first is None and last is None:
        return rows
    kept = []
    for row in rows:
        at = _moment(row.get(field))
        if at and (first is None or first <= at) and (last is None or at <= last):
            kept.append(row)
    return kept


def _moment(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as exc:
        raise SquareError(400, "INVALID_TIME", f"Not RFC 3339: {text}") from exc
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _field(name: str, known: Mapping[str, str]) -> str:
    if name not in known:
        raise SquareError(400, "INVALID_ENUM_VALUE", f"{name}?", field="sort_field")
    return known[name]


def _limit(given: Any, *, default: int, most: int) -> int:
    """Out of range counts as not given, as the documents say."""
    if given is None:
        return default
    try:
        limit = int(given)
    except ValueError as exc:
        raise SquareError(
            400, "EXPECTED_INTEGER", "Not a number.", field="limit"
        ) from exc
    return limit if 1 <= limit <= most else default


def _dig(row: Json, path: tuple[str, ...]) -> Any:
    node: Any = row
    for step in path:
        node = node.get(step) if isinstance(node, dict) else None
    return node
