"""What an integrator does over the API and a customer in the browser."""

import itertools
from dataclasses import dataclass
from typing import Any

from proofs import http
from proofs.outside import Outside
from proofs.shop import Shop
from proofs.waiting import eventually

_numbers = itertools.count(100)
AMOUNT_MINOR = 1250


@dataclass(frozen=True)
class Customer:
    id: str
    email: str
    phone: str


def link_body(customer: Customer, **more: Any) -> dict[str, Any]:
    """What to post for a link over 12.50 EUR."""
    line = {
        "description": "Birthday cake",
        "quantity": 1,
        "unit_amount_minor": AMOUNT_MINOR,
    }
    return {"customer": customer.id, "currency": "EUR", "lines": [line], **more}


@dataclass(frozen=True)
class Desk:
    """A key of the API and a browser at one shop."""

    shop: Shop
    outside: Outside

    def findings(self) -> list[str]:
        """What departs from the vendors' documents, and what money does not add up."""
        return [*self.outside.findings(), *self.shop.books()]

    def new_customer(self) -> Customer:
        """Somebody with an address and a number that nobody else has."""
        number = next(_numbers)
        email, phone = f"ada{number}@example.com", f"+1415555{number:04d}"
        answer = self.shop.api_post(
            "customers",
            {
                "name": "Ada Lovelace",
                "email": email,
                "phone": phone,
                "time_zone": "UTC",
            },
        )
        assert answer.status == 201, answer.text
        return Customer(answer.data["id"], email, phone)

    def new_link(self, customer: Customer, **more: Any) -> dict[str, Any]:
        """A payable link over 12.50 EUR, as the API shows it."""
        answer = self.shop.api_post("links", link_body(customer, **more))
        assert answer.status == 201, answer.text
        return answer.data

    def send(self, link: dict[str, Any], *channels: str) -> list[dict[str, Any]]:
        """Send it, by e-mail and SMS if not said; the messages as the API shows them."""
        answer = self.shop.api_post(
            f"links/{link['id']}/send", {"channels": channels or ["email", "sms"]}
        )
        assert answer.status == 202, answer.text
        messages: list[dict[str, Any]] = answer.data["messages"]
        return messages

    def link(self, link_id: str) -> dict[str, Any]:
        return self.shop.api_get(f"links/{link_id}")

    def wait_for_status(
        self, link_id: str, status: str, *, within: float = 25.0
    ) -> None:
        eventually(
            lambda: self.link(link_id)["status"] == status,
            within=within,
            what=f"{link_id} {status}",
        )

    def timeline(self, link_id: str) -> list[str]:
        """The kinds of all entries, oldest first."""
        page = self.shop.api_get(f"links/{link_id}/timeline?limit=100")
        return [entry["kind"] for entry in reversed(page["items"])]

    def messages(self, link_id: str) -> list[dict[str, Any]]:
        """Every message about the link, oldest first."""
        page = self.shop.api_get(f"messages?link={link_id}&limit=100")
        return list(reversed(page["items"]))

    def payments(self, link_id: str) -> list[dict[str, Any]]:
        page = self.shop.api_get(f"payments?link={link_id}&limit=100")
        items: list[dict[str, Any]] = page["items"]
        return items

    @staticmethod
    def open_checkout(link_url: str) -> str:
        """Press "pay by Stripe" on the page of the link; where that leads."""
        answer = http.post(f"{link_url}pay/stripe/")
        assert answer.status == 303, (answer.status, answer.text)
        return answer.location

    def pay(self, link_url: str) -> str:
        """Pay at Stripe; the address of the return page, not opened yet."""
        done = self.outside.press(self.open_checkout(link_url), "pay")
        assert done.status == 303, done.text
        return done.location
