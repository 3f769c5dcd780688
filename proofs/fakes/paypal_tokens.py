"""The fake PayPal's access tokens: `POST /v1/oauth2/token`, in no document of PayPal's."""

import base64
import hmac
import secrets
import urllib.parse

from proofs.fakes import paypal_objects as objects
from proofs.fakes.ledger import Json, Ledger
from proofs.fakes.web import Answer, Request

PATH = "/v1/oauth2/token"
TOKEN = "access_token"
SCOPES = (
    "https://uri.paypal.com/services/payments/realtimepayment"
    " https://uri.paypal.com/services/payments/refund"
    " https://uri.paypal.com/services/reporting/search/read"
    " https://uri.paypal.com/services/applications/webhooks"
)


class Tokens:
    """Issues tokens to the one client it knows; they outlive a restart of the fake."""

    def __init__(
        self, ledger: Ledger, *, client_id: str, secret: str, seconds: int
    ) -> None:
        self._ledger = ledger
        self._pair = f"{client_id}:{secret}"
        self._seconds = seconds

    def issue(self, request: Request) -> Answer:
        """200 with a token, 401 invalid_client, 400 unsupported_grant_type."""
        if not self._is_client(request):
            return _refusal(401, "invalid_client", "Client Authentication failed")
        form = dict(urllib.parse.parse_qsl(request.text))
        if request.method != "POST" or form.get("grant_type") != "client_credentials":
            return _refusal(400, "unsupported_grant_type", "unsupported grant_type")
        token = f"A21AA{secrets.token_urlsafe(60)}"
        expires_at = objects.clock() + self._seconds
        self._ledger.put(TOKEN, token, {"id": token, "expires_at": expires_at})
        answer: Json = {
            "scope": SCOPES,
            "access_token": token,
            "token_type": "Bearer",
            "app_id": "APP-80W284485P519543T",
            "expires_in": self._seconds,
            "nonce": f"{objects.now()}{secrets.token_urlsafe(30)}",
        }
        return Answer(200, answer)

    def are_good(self, request: Request) -> bool:
        """Whether the request bears a token that was issued here and is still good."""
        kind, _, value = request.headers.get("authorization", "").partition(" ")
        found = self._ledger.get(TOKEN, value) if kind.lower() == "bearer" else None
        return found is not None and objects.clock() < found["expires_at"]

    def expire_all(self) -> None:
        for row in self._ledger.objects(TOKEN):
            self._ledger.put(TOKEN, row["id"], {**row, "expires_at": 0})

    def _is_client(self, request: Request) -> bool:
        kind, _, value = request.headers.get("authorization", "").partition(" ")
        try:
            given = base64.b64decode(value, validate=True)
        except ValueError:
            return False
        same = hmac.compare_digest(given, self._pair.encode())
        return same and kind.lower() == "basic"


def _refusal(status: int, error: str, description: str) -> Answer:
    return Answer(status, {"error": error, "error_description": description})
