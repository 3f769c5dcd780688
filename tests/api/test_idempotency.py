"""A POST with an Idempotency-Key is done once and answered the same, to the byte."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from customers.models import Customer
from links.models import PaymentLink
from links.services import pages
from merchant_portal.lib import clock, crash, strict_json
from merchant_portal.staff.models import ApiKey, ApiRequest
from merchant_portal.staff.services import idempotency
from notifications.models import Message

from .client import Caller, problem
from .conftest import NewCaller

LINK = {
    "currency": "EUR",
    "lines": [{"description": "Chair {link_url}", "unit_amount_minor": 625}],
    "note": "see {link_url}",
}


class Killed(BaseException):
    """Stands for the end of the process."""


def kill_at(monkeypatch: pytest.MonkeyPatch, point: str) -> None:
    def crash_at(name: str) -> None:
        assert name in crash.POINTS
        if name == point:
            raise Killed

    monkeypatch.setattr(idempotency, "crash_at", crash_at)


def lapse_leases() -> None:
    ApiRequest.objects.update(lease_until=clock.database_now())


def test_a_repeat_gets_the_same_bytes(caller: Caller) -> None:
    first = caller.post("links", LINK, once="k1")
    again = caller.post("links", LINK, once="k1")

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again["Content-Type"] == first["Content-Type"]
    assert "Idempotent-Replayed" not in first
    assert again["Idempotent-Replayed"] == "true"
    assert PaymentLink.objects.count() == 1


def test_without_the_header_each_post_counts(caller: Caller) -> None:
    first = json.loads(caller.post("links", LINK).content)
    second = json.loads(caller.post("links", LINK).content)

    assert first["id"] != second["id"]
    assert not ApiRequest.objects.exists()


def test_order_of_names_and_spaces_make_no_other_request(caller: Caller) -> None:
    first = caller.post("links", LINK, once="k1")
    turned = json.dumps(dict(reversed(LINK.items())), indent=3).encode()

    assert caller.post("links", turned, once="k1").content == first.content


@pytest.mark.parametrize(
    "other", [{**LINK, "note": "x"}, {**LINK, "draft": True}, {**LINK, "draft": False}]
)
def test_the_same_key_with_another_body_is_refused(
    caller: Caller, other: dict[str, object]
) -> None:
    caller.post("links", LINK, once="k1")

    refused = problem(caller.post("links", other, once="k1"), 422)

    assert refused["type"].endswith("#key-reused")
    assert refused["errors"] == [
        {"header": "Idempotency-Key", "detail": "used for another request"}
    ]
    assert PaymentLink.objects.count() == 1


def test_the_same_key_on_another_path_is_refused(caller: Caller) -> None:
    made = json.loads(caller.post("links", LINK).content)
    caller.post(f"links/{made['id']}/cancel", {}, once="k1")

    refused = caller.post("customers", {"name": "Ada"}, once="k1")

    assert problem(refused, 422)["type"].endswith("#key-reused")
    assert not Customer.objects.exists()


def test_keys_of_two_callers_do_not_meet(new_caller: NewCaller) -> None:
    ones = new_caller("*").post("links", LINK, once="k1")
    others = new_caller("*").post("links", LINK, once="k1")

    assert json.loads(ones.content)["id"] != json.loads(others.content)["id"]


def test_neither_the_stored_answer_nor_any_table_holds_the_token(
    caller: Caller,
) -> None:
    made = json.loads(caller.post("links", LINK, once="k1").content)
    token = pages.token_of(PaymentLink.objects.get())

    stored = json.loads(ApiRequest.objects.get().response_body)

    assert token in made["url"]
    assert stored["url"] == "{link_url}"
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608 - own table names
            assert all(token not in str(row) for row in cursor.fetchall()), table


def test_a_refusal_is_kept_like_a_success(caller: Caller, customer: Customer) -> None:
    made = json.loads(caller.post("links", LINK).content)
    path = f"links/{made['id']}/send"
    first = caller.post(path, {"channels": ["email"]}, once="k1")
    problem(first, 422)
    PaymentLink.objects.update(customer=customer)

    again = caller.post(path, {"channels": ["email"]}, once="k1")

    problem(again, 422)
    assert again.content == first.content
    assert again["Idempotent-Replayed"] == "true"
    assert not Message.objects.exists()


def test_a_body_that_was_never_taken_leaves_the_key_free(caller: Caller) -> None:
    problem(caller.post("links", {**LINK, "note": 5}, once="k1"), 422)

    assert caller.post("links", LINK, once="k1").status_code == 201


def test_a_failure_of_ours_is_not_kept(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("links.services.links.note", lambda *_args, **_kw: 1 / 0)
        problem(caller.post("links", LINK, once="k1"), 500)
    assert not PaymentLink.objects.exists()

    assert caller.post("links", LINK, once="k1").status_code == 201
    assert PaymentLink.objects.count() == 1


def test_sending_again_with_the_key_sends_nothing_twice(
    caller: Caller, customer: Customer
) -> None:
    made = json.loads(
        caller.post("links", {**LINK, "customer": customer.public_id}).content
    )
    path = f"links/{made['id']}/send"

    answers = {
        caller.post(path, {"channels": ["email"]}, once="k1").content for _ in range(3)
    }

    assert len(answers) == 1
    assert Message.objects.count() == 1


def test_the_second_waits_while_the_first_is_at_work(caller: Caller) -> None:
    in_between = []

    def work() -> idempotency.Answer:
        in_between.append(caller.post("links", LINK, once="k1"))
        return idempotency.Answer(201, "{}")

    digest = idempotency.digest(
        "POST",
        "/api/v1/links",
        strict_json.canonical(strict_json.loads(json.dumps(LINK).encode())),
    )
    idempotency.once(ApiKey.objects.get(), "k1", digest, work)

    refused = problem(in_between[0], 409)
    assert refused["type"].endswith("#in-flight")
    assert int(in_between[0]["Retry-After"]) >= 1
    assert not PaymentLink.objects.exists()


def test_killed_before_the_work_a_repeat_takes_it_up_after_the_lease(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        kill_at(patched, "api.after_claim")
        with pytest.raises(Killed):
            caller.post("links", LINK, once="k1")
    assert not PaymentLink.objects.exists()
    problem(caller.post("links", LINK, once="k1"), 409)

    lapse_leases()
    taken_up = caller.post("links", LINK, once="k1")

    assert taken_up.status_code == 201
    assert caller.post("links", LINK, once="k1").content == taken_up.content
    assert PaymentLink.objects.count() == 1
    assert ApiRequest.objects.get().fence == 2


def test_killed_before_the_commit_nothing_was_done(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        kill_at(patched, "api.before_commit")
        with pytest.raises(Killed):
            caller.post("links", LINK, once="k1")
    assert not PaymentLink.objects.exists()

    lapse_leases()

    assert caller.post("links", LINK, once="k1").status_code == 201
    assert PaymentLink.objects.count() == 1


def test_killed_after_the_commit_the_answer_is_there(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        kill_at(patched, "api.after_commit")
        with pytest.raises(Killed):
            caller.post("links", LINK, once="k1")

    again = caller.post("links", LINK, once="k1")

    assert again.status_code == 201
    assert again["Idempotent-Replayed"] == "true"
    assert json.loads(again.content)["id"] == PaymentLink.objects.get().public_id


def test_who_wakes_after_the_lease_does_nothing_and_gives_the_others_answer(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    others: list[Any] = []

    def freeze(name: str) -> None:
        if name == "api.after_claim" and not others:
            others.append(None)
            lapse_leases()
            others[0] = caller.post("links", LINK, once="k1")

    monkeypatch.setattr(idempotency, "crash_at", freeze)

    late = caller.post("links", LINK, once="k1")

    assert others[0] is not None
    assert late.content == others[0].content
    assert PaymentLink.objects.count() == 1


def test_negative_control_without_the_fence_the_work_is_done_twice(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unfenced(
        _claim: idempotency.Claim, work: idempotency.Work
    ) -> idempotency.Answer:
        return work()

    monkeypatch.setattr(idempotency, "_run", unfenced)
    claimed: list[str] = []

    def freeze(name: str) -> None:
        if name == "api.after_claim" and not claimed:
            claimed.append(name)
            lapse_leases()
            caller.post("links", LINK, once="k1")

    monkeypatch.setattr(idempotency, "crash_at", freeze)
    caller.post("links", LINK, once="k1")

    assert PaymentLink.objects.count() == 2


def test_after_a_week_the_key_is_new(caller: Caller) -> None:
    first = caller.post("links", LINK, once="k1")
    aged = clock.database_now() - idempotency.KEPT - timedelta(seconds=1)
    ApiRequest.objects.update(created_at=aged)

    later = caller.post("links", {**LINK, "note": "other"}, once="k1")

    assert later.status_code == 201
    assert json.loads(later.content)["id"] != json.loads(first.content)["id"]
    assert ApiRequest.objects.count() == 1


def test_the_sweep_forgets_only_what_is_old(caller: Caller) -> None:
    for name in ("old", "new"):
        caller.post("links", LINK, once=name)
    now = clock.database_now()
    ApiRequest.objects.filter(idempotency_key="old").update(
        created_at=now - idempotency.KEPT - timedelta(seconds=1)
    )

    assert idempotency.sweep(now) == 1
    assert ApiRequest.objects.get().idempotency_key == "new"
