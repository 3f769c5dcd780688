"""The list of links and the front page, beside a plain table of the newest links."""

from functools import partial
from typing import TYPE_CHECKING

from benchmarks._client import get
from benchmarks._figures import Measured, interleaved, say, tell
from benchmarks._stage import Server, stage

if TYPE_CHECKING:
    from django.test import Client

SIZES = (10_000, 1_000_000)
REQUESTS = {"list": 60, "front page": 60, "baseline": 300}
PATHS = {
    "list": "/admin/links/paymentlink/",
    "front page": "/admin/",
    "baseline": "/bench/rows/",
}


def main() -> None:
    with stage(STAFF_MFA_REQUIRED="false") as open_stage:
        from benchmarks._rows import multiply

        cookie = signed_in()
        server = open_stage.serve("full")
        for size in SIZES:
            multiply(size)
            seen = interleaved(
                {name: partial(visits, server, name, cookie) for name in PATHS}
            )
            label = f"{size} links: "
            tell(
                "listing",
                {label + name: rounds for name, rounds in seen.items()},
                [f"{label}list/{label}baseline", f"{label}front page/{label}baseline"],
            )
            for name in ("list", "front page"):
                say("listing", f"{label}{name} queries", [queries(name)], "statements")


def visits(server: Server, name: str, cookie: str, _round: int) -> Measured:
    return server.measure([get(PATHS[name], cookie=cookie)] * REQUESTS[name])


def signed_in() -> str:
    """The session cookie of an owner."""
    return f"session={_client().cookies['session'].value}"


def queries(name: str) -> int:
    """How many statements one visit takes, the second one of a process."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client = _client()
    client.get(PATHS[name])
    with CaptureQueriesContext(connection) as captured:
        client.get(PATHS[name])
    return len(captured)


def _client() -> "Client":
    from django.test import Client

    from merchant_portal.staff.models import User
    from merchant_portal.staff.roles import Role

    owner = User.objects.filter(email="owner@shop.example").first()
    if owner is None:
        owner = User.objects.create_user("owner@shop.example", role=Role.OWNER)
    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(owner)
    return client


if __name__ == "__main__":
    main()
