"""What carriers, workers and recipients do."""

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from links.models import PaymentLink
from merchant_portal.lib import ids
from notifications.models import Message, MessageState
from notifications.services import delivery, inbound, outbox, reports, unsubscribing

from .carrier import FATES
from .rules_of_links import PLACE, at_times
from .rules_of_money import MoneyRules

LOTS = st.lists(st.sampled_from(("taken", *FATES)), max_size=2)
DEATHS = at_times("message.after_claim", "message.after_send", "message.before_finish")
REPORTED = st.sampled_from(
    (MessageState.SENT, MessageState.DELIVERED, MessageState.BOUNCED)
)
PHONE = "+14155550100"


class MessageRules(MoneyRules):
    @rule(size=st.sampled_from((1, 1, 10)))
    def claim(self, size: int) -> None:
        claimed = self.world.run(lambda: delivery.claim(size))
        if claimed:
            self.world.held.append(claimed)

    @precondition(lambda self: self.world.held)
    @rule(place=PLACE, fates=LOTS, dies_at=DEATHS, ends=st.sampled_from((0, 0, 4, 40)))
    def deliver(self, place: int, fates: list[str], dies_at: str, ends: int) -> None:
        """What was claimed is sent; `ends`: seconds after its link was canceled."""
        held = self.world.held.pop(place % len(self.world.held))
        if ends:
            reference = held[0].message.reference
            self._cancel(PaymentLink.objects.get(public_id=reference), tell=False)
            self.world.move(seconds=ends)
        self.world.will_die(dies_at)
        self.world.carrier.fates = fates
        self.world.run(lambda: delivery.deliver(held))

    @rule(fates=LOTS, dies_at=DEATHS)
    def sweep_messages(self, fates: list[str], dies_at: str) -> None:
        self.world.will_die(dies_at)
        self.world.carrier.fates = fates
        self.world.sweep_messages()

    @precondition(lambda self: self.world.carrier.taken)
    @rule(place=PLACE, state=REPORTED, number=st.integers(0, 1))
    def carrier_reports(self, place: int, state: MessageState, number: int) -> None:
        taken = self.world.carrier.taken
        one = taken[place % len(taken)]
        message = Message.objects.get(public_id=one.public_id)
        report = reports.Report(
            carrier="twilio",
            event_id=f"{one.public_id}:{state}:{number}",
            kind=state,
            provider_message_id=f"carrier-{place % len(taken)}",
            state=state,
        )
        self.world.run(lambda: reports.record(message, report))

    @rule(words=st.sampled_from(("STOP", "START")))
    def write_back(self, words: str) -> None:
        heard = inbound.Heard(ids.new("txt"), "sms", PHONE, words)
        self.world.run(lambda: inbound.hear(heard))

    @rule(place=PLACE)
    def unsubscribe(self, place: int) -> None:
        mails = list(Message.objects.filter(channel="email").order_by("-pk")[:3])
        if mails:
            mail = mails[place % len(mails)]
            self.world.run(lambda: unsubscribing.unsubscribe(mail))

    @rule(place=PLACE)
    def send_again(self, place: int) -> None:
        found = list(Message.objects.filter(state__in=outbox.RETRIABLE).order_by("pk"))
        if found:
            message = found[place % len(found)]
            again = self.world.run(lambda: outbox.retry(message, actor=self._actor))
            if again is not None:
                self.world.act("message.sent_again", again.public_id)
