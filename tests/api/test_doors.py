"""Every operation asks for a key, its scope and patience; the start sees to it."""

import json
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.test import Client
from ninja import Router

from merchant_portal import api as portal
from merchant_portal.lib.problem_api import ProblemAPI
from merchant_portal.staff.api_auth import Guard, idempotent
from merchant_portal.staff.models import ApiKey, User
from merchant_portal.staff.roles import Right, Role

from .client import Caller, problem
from .conftest import NewCaller

SCOPES = {
    ("post", "/api/v1/customers"): "customers:write",
    ("get", "/api/v1/customers"): "customers:read",
    ("get", "/api/v1/customers/{customer_id}"): "customers:read",
    ("patch", "/api/v1/customers/{customer_id}"): "customers:write",
    ("post", "/api/v1/links"): "links:write",
    ("get", "/api/v1/links"): "links:read",
    ("get", "/api/v1/links/{link_id}"): "links:read",
    ("post", "/api/v1/links/{link_id}/send"): "links:write",
    ("post", "/api/v1/links/{link_id}/send/{send_id}/cancel"): "links:write",
    ("post", "/api/v1/links/{link_id}/cancel"): "links:write",
    ("get", "/api/v1/links/{link_id}/timeline"): "links:read",
    ("get", "/api/v1/payments"): "payments:read",
    ("get", "/api/v1/payments/{payment_id}"): "payments:read",
    ("get", "/api/v1/payments/{payment_id}/refunds"): "payments:read",
    ("post", "/api/v1/payments/{payment_id}/refunds"): "refunds:propose",
    ("get", "/api/v1/disputes"): "payments:read",
    ("get", "/api/v1/disputes/{dispute_id}"): "payments:read",
    ("get", "/api/v1/payouts"): "reports:read",
    ("get", "/api/v1/reports"): "reports:read",
    ("get", "/api/v1/reports/{name}"): "reports:read",
    ("get", "/api/v1/reminder-plans"): "links:read",
    ("get", "/api/v1/reminder-plans/{plan_id}"): "links:read",
    ("post", "/api/v1/reminder-plans"): "plans:write",
    ("get", "/api/v1/messages"): "messages:read",
}
LINK = {
    "currency": "EUR",
    "lines": [{"description": "Chair", "unit_amount_minor": 625}],
}


def where(path: str) -> str:
    filled = (
        path.replace("{customer_id}", "cus_00000000000000000000")
        .replace("{link_id}", "plk_00000000000000000000")
        .replace("{send_id}", "snd_00000000000000000000")
        .replace("{payment_id}", "pay_00000000000000000000")
        .replace("{name}", "payments")
        .replace("{dispute_id}", "dsp_00000000000000000000")
    )
    return filled.removeprefix("/api/v1/")


def schema() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Client().get("/api/v1/openapi.json").content)
    return found


def test_the_table_of_scopes_names_every_operation() -> None:
    told = {
        (method, path): operation["x-scope"]
        for path, methods in schema()["paths"].items()
        for method, operation in methods.items()
    }

    assert told == SCOPES


@pytest.mark.parametrize(("operation", "scope"), SCOPES.items())
def test_an_operation_needs_its_scope_and_no_other(
    new_caller: NewCaller, operation: tuple[str, str], scope: str
) -> None:
    method, path = operation
    others = [right.value for right in Right if right.value != scope]

    refused = new_caller(*others).send(method.upper(), where(path), {})
    alone = new_caller(scope).send(method.upper(), where(path), {})
    powerless = new_caller("audit:read")
    ApiKey.objects.filter(scopes=["audit:read"]).update(scopes=[])
    nothing = powerless.send(method.upper(), where(path), {})
    stranger = Caller("mp_nobody").send(method.upper(), where(path), {})

    assert scope in problem(refused, 403)["detail"]
    assert alone.status_code in {200, 404, 422}
    problem(nothing, 403)
    problem(stranger, 401)


def test_a_signed_in_member_of_staff_without_a_key_is_nobody_here(db: None) -> None:
    owner = User.objects.create_user("ada@staff.example", role=Role.OWNER)
    browser = Client()
    browser.force_login(
        owner, backend="allauth.account.auth_backends.AuthenticationBackend"
    )

    problem(browser.get("/api/v1/links"), 401)


def test_a_key_needs_no_csrf_token(caller: Caller) -> None:
    response = Client(enforce_csrf_checks=True).post(
        "/api/v1/links",
        json.dumps(LINK),
        content_type="application/json",
        headers=caller.headers(),
    )

    assert response.status_code == 201


def test_a_revoked_key_opens_nothing(caller: Caller) -> None:
    from_now = ApiKey.objects.get().created_at
    ApiKey.objects.update(revoked_at=from_now)

    problem(caller.get("links"), 401)


def test_an_expired_key_opens_nothing(caller: Caller) -> None:
    ApiKey.objects.update(expires_at=ApiKey.objects.get().created_at)

    problem(caller.get("links"), 401)


def test_a_key_without_links_all_sees_only_its_owners_links(
    new_caller: NewCaller, customer: Any
) -> None:
    rights = ("links:read", "links:write", "messages:read", "payments:read")
    ada, bob = (
        new_caller(*rights, created_by=User.objects.create_user(mail, role=Role.OWNER))
        for mail in ("ada@staff.example", "bob@staff.example")
    )
    made = json.loads(
        ada.post("links", {**LINK, "customer": customer.public_id}).content
    )
    ada.post(f"links/{made['id']}/send", {"channels": ["email"]})
    everyone = new_caller(*rights, "links:all")

    for reader, count in ((ada, 1), (bob, 0), (everyone, 1)):
        assert len(json.loads(reader.get("links").content)["items"]) == count
        assert len(json.loads(reader.get("messages").content)["items"]) == count
    problem(bob.get(f"links/{made['id']}"), 404)
    problem(bob.get(f"links/{made['id']}/timeline"), 404)
    problem(bob.post(f"links/{made['id']}/cancel"), 404)
    problem(bob.post(f"links/{made['id']}/send", {"channels": ["email"]}), 404)
    assert everyone.get(f"links/{made['id']}").status_code == 200


def test_the_121st_request_of_a_minute_waits(
    new_caller: NewCaller, settings: Any
) -> None:
    settings.API_REQUESTS_PER_MINUTE = 5
    eager, patient = new_caller("*"), new_caller("*")
    for _ in range(5):
        assert eager.get("links").status_code == 200

    refused = eager.get("links")

    problem(refused, 429)
    assert 1 <= int(refused["Retry-After"]) <= 60
    assert patient.get("links").status_code == 200


def mounted(router: Router) -> ProblemAPI:
    made = ProblemAPI(urls_namespace="test")
    made.add_router("things", router)
    return made


def look(request: HttpRequest) -> dict[str, str]:
    return {}


def test_the_start_refuses_an_operation_without_guard() -> None:
    router = Router()
    router.get("")(look)

    with pytest.raises(ImproperlyConfigured, match="has no Guard"):
        portal.close_doors(mounted(router))


def test_the_start_refuses_a_guard_that_two_operations_share() -> None:
    router, guard = Router(), Guard(Right.LINKS_READ)
    router.get("a", auth=guard)(look)
    router.get("b", auth=guard)(look)

    with pytest.raises(ImproperlyConfigured, match="shares a Guard"):
        portal.close_doors(mounted(router))


def test_the_start_refuses_a_post_that_is_not_idempotent() -> None:
    router = Router()
    router.post("", auth=Guard(Right.LINKS_WRITE))(look)

    with pytest.raises(ImproperlyConfigured, match="is not idempotent"):
        portal.close_doors(mounted(router))


def test_the_start_takes_what_is_guarded() -> None:
    router, guard = Router(), Guard(Right.LINKS_WRITE)
    router.post("", auth=guard)(idempotent()(look))  # type: ignore[arg-type]

    portal.close_doors(mounted(router))

    assert guard.query_names == frozenset()
