"""The judge finds each broken promise, and nothing where all held."""

from dataclasses import replace

import pytest

from proofs.judge import Copy, Evidence, Link, Money, Row, Text, findings

LINK = Link("plk_1", "ada@example.com", "+14155550100", ("msg_mail", "msg_sms"))
MAIL = Copy("<msg_mail@shop.example>", LINK.email)
RECEIPT = Copy("<msg_receipt@shop.example>", LINK.email)
SMS = Text("SM1", LINK.phone, "Please pay")
RECEIPT_SMS = Text("SM2", LINK.phone, "Thank you")
PAID = Money("pi_1", LINK.id, 1250, "EUR")
ROWS = {
    row.id: row
    for row in (
        Row("message", "msg_mail", LINK.id, "email", "sent"),
        Row("message", "msg_sms", LINK.id, "sms", "delivered", outside="SM1"),
        Row("message", "msg_receipt", LINK.id, "email", "sent"),
        Row("message", "msg_receipt_sms", LINK.id, "sms", "sent", outside="SM2"),
        Row("payment", "pay_1", LINK.id, "", "succeeded", 1250, "EUR", "pi_1"),
        Row("link", "plk_1", LINK.id, "", "paid", 1250, "EUR"),
        Row("checkout", "chk_1", LINK.id, "", "completed", 1250, "EUR", "cs_1"),
        Row("event", "evt_1", state="done", outside="evt_1"),
    )
}


def evidence(**rows: Row | None) -> Evidence:
    """All well, but for `rows` by id: another one in its place, or None for nothing."""
    seen = {**ROWS, **rows}
    return Evidence(
        links=[LINK],
        rows=[row for row in seen.values() if row is not None],
        mails=[MAIL, RECEIPT],
        texts=[SMS, RECEIPT_SMS],
        money=[PAID],
        events=["evt_1"],
    )


WELL = evidence()


def changed(identity: str, **fields: object) -> Evidence:
    return evidence(**{identity: replace(ROWS[identity], **fields)})  # type: ignore[arg-type] # of any field


def test_where_all_held_it_finds_nothing() -> None:
    assert findings(WELL) == []


def test_an_sms_that_nobody_can_know_about_is_for_a_person_not_a_loss() -> None:
    unknown = changed("msg_sms", state="unknown", outside="")

    assert findings(replace(unknown, texts=[RECEIPT_SMS])) == []
    assert findings(unknown) == []


def test_a_copy_is_allowed_for_each_answer_that_was_lost() -> None:
    unanswered = replace(MAIL, answered=False)

    assert findings(replace(WELL, mails=[unanswered, MAIL, RECEIPT])) == []
    assert (
        findings(replace(changed("msg_mail", lapsed=1), mails=[MAIL, MAIL, RECEIPT]))
        == []
    )


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (evidence(plk_1=None), "link plk_1 is lost"),
        (evidence(msg_mail=None), "message msg_mail is lost"),
        (
            replace(changed("msg_mail", state="queued"), mails=[RECEIPT]),
            "message msg_mail never went out and is queued",
        ),
        (
            replace(
                evidence(
                    msg_mail=replace(ROWS["msg_mail"], state="canceled"),
                    plk_1=replace(ROWS["plk_1"], state="active"),
                ),
                mails=[RECEIPT],
            ),
            "message msg_mail never went out and is canceled",
        ),
        (changed("msg_mail", state="sending"), "message msg_mail is still sending"),
        (changed("evt_1", state="received"), "event evt_1 is still received"),
        (changed("chk_1", state="open"), "checkout chk_1 is still open"),
        (
            replace(WELL, mails=[RECEIPT]),
            "message msg_mail is called sent, but nobody took it",
        ),
        (
            replace(WELL, texts=[RECEIPT_SMS]),
            "message msg_sms is called delivered, but nobody took it",
        ),
        (
            replace(WELL, mails=[MAIL, MAIL, RECEIPT]),
            "message msg_mail went out 2 times, 1 allowed",
        ),
        (
            replace(changed("msg_mail", lapsed=9), mails=[*[MAIL] * 4, RECEIPT]),
            "message msg_mail went out 4 times, 10 allowed",
        ),
        (
            replace(
                changed("msg_mail", lapsed=1),
                mails=[MAIL, replace(MAIL, message_id="<msg_mail@other>"), RECEIPT],
            ),
            "message msg_mail has more than one Message-ID",
        ),
        (
            replace(WELL, mails=[MAIL, RECEIPT, Copy("<msg_x@shop.example>", "x")]),
            "a mail of an unknown message msg_x went out",
        ),
        (
            replace(WELL, texts=[SMS, replace(SMS, sid="SM9"), RECEIPT_SMS]),
            "the same SMS went to +14155550100 2 times: Please pay",
        ),
        (evidence(pay_1=None), "payment pi_1 is booked 0 times"),
        (
            evidence(pay_2=replace(ROWS["pay_1"], id="pay_2")),
            "payment pi_1 is booked 2 times",
        ),
        (
            changed("pay_1", amount_minor=1200),
            "payment pi_1 is booked as ('plk_1', 'succeeded', 1200, 'EUR')",
        ),
        (
            evidence(pay_2=replace(ROWS["pay_1"], id="pay_2", outside="pi_2")),
            "payment pi_2 is not in Stripe's books",
        ),
        (
            changed("plk_1", amount_minor=2500),
            f"link plk_1 got 1250, its row says {replace(ROWS['plk_1'], amount_minor=2500)}",
        ),
        (
            replace(evidence(pay_1=None), money=[]),
            "link plk_1 is called paid, but no money came",
        ),
        (
            replace(evidence(msg_receipt=None), mails=[MAIL]),
            "link plk_1 has 0 receipts by email",
        ),
        (
            evidence(
                msg_more=Row(
                    "message", "msg_more", LINK.id, "sms", "sent", outside="SM2"
                )
            ),
            "link plk_1 has 2 receipts by sms",
        ),
        (evidence(evt_1=None), "event evt_1 was acknowledged and is lost"),
        (changed("evt_1", state="dead"), "event evt_1 was given up"),
    ],
)
def test_it_says_what_is_broken(broken: Evidence, said: str) -> None:
    assert said in findings(broken)
