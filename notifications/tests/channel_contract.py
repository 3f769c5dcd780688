"""What every channel must do; subclass it with a peer that can misbehave."""

import time

import pytest

from notifications.channels.base import (
    Channel,
    ChannelDown,
    HandedOver,
    Outgoing,
    Refused,
    TooLate,
    Unavailable,
    Unclear,
)


class ChannelContract:
    """Each peer method makes the carrier behave so for the next message."""

    recipient: str

    def make_channel(self) -> Channel:
        raise NotImplementedError

    def taken(self) -> list[str]:
        """Texts that the carrier holds, oldest first."""
        raise NotImplementedError

    def refuse(self) -> None:
        raise NotImplementedError

    def refuse_address(self) -> None:
        raise NotImplementedError

    def be_busy(self) -> None:
        raise NotImplementedError

    def take_and_hang_up(self) -> None:
        raise NotImplementedError

    def refuse_credentials(self) -> None:
        raise NotImplementedError

    def disappear(self) -> None:
        raise NotImplementedError

    def outgoing(self, text: str = "Pay here", *, fresh_seconds: float = 5) -> Outgoing:
        return Outgoing(
            public_id="msg_00000000000000000001",
            recipient=self.recipient,
            sender="Blue Door <shop@shop.example>",
            subject="Your payment",
            text=text,
            html=f"<p>{text}</p>",
            start_before=time.monotonic() + fresh_seconds,
        )

    def send(self, text: str = "Pay here") -> HandedOver:
        with self.make_channel() as channel:
            return channel.send(self.outgoing(text))

    def test_hands_over_and_names_it(self) -> None:
        assert self.send().provider_message_id != ""
        [text] = self.taken()
        assert "Pay here" in text

    def test_one_channel_serves_a_batch(self) -> None:
        with self.make_channel() as channel:
            for number in range(3):
                channel.send(self.outgoing(f"number {number}"))
        assert len(self.taken()) == 3

    def test_keeps_every_script(self) -> None:
        self.send("Grüße, Łukasz, مرحبا, 😀")
        assert "Łukasz, مرحبا, 😀" in self.taken()[0]

    def test_too_old_a_claim_sends_nothing(self) -> None:
        with self.make_channel() as channel, pytest.raises(TooLate):
            channel.send(self.outgoing(fresh_seconds=-1))
        assert self.taken() == []

    def test_refusal_is_permanent(self) -> None:
        self.refuse()
        with pytest.raises(Refused) as caught:
            self.send()
        assert caught.value.permanent
        assert not caught.value.is_unreachable
        assert self.recipient not in str(caught.value)

    def test_dead_address_is_told_apart(self) -> None:
        self.refuse_address()
        with pytest.raises(Refused) as caught:
            self.send()
        assert caught.value.is_unreachable

    def test_busy_carrier_is_temporary_and_took_nothing(self) -> None:
        self.be_busy()
        with pytest.raises(Unavailable) as caught:
            self.send()
        assert not caught.value.permanent
        assert self.taken() == []

    def test_lost_answer_is_unclear_and_not_repeated(self) -> None:
        self.take_and_hang_up()
        with pytest.raises(Unclear):
            self.send()
        assert len(self.taken()) == 1

    def test_the_next_message_goes_after_a_lost_answer(self) -> None:
        self.take_and_hang_up()
        with self.make_channel() as channel:
            with pytest.raises(Unclear):
                channel.send(self.outgoing("first"))
            channel.send(self.outgoing("second"))
        assert "second" in self.taken()[-1]

    def test_wrong_credentials_need_a_person(self) -> None:
        self.refuse_credentials()
        with pytest.raises(ChannelDown) as caught:
            self.send()
        assert caught.value.is_misconfigured

    def test_absent_carrier_is_down_not_unclear(self) -> None:
        self.disappear()
        with pytest.raises(ChannelDown) as caught:
            self.send()
        assert not caught.value.is_misconfigured
