"""PayPal's refusals, in the words of its documents of 2024-02."""

import secrets
from collections.abc import Iterable

from proofs.fakes.ledger import Json

NAMES = {
    400: (
        "INVALID_REQUEST",
        "Request is not well-formed, syntactically incorrect, or violates schema.",
    ),
    401: (
        "AUTHENTICATION_FAILURE",
        "Authentication failed due to missing authorization header, or invalid"
        " authentication credentials.",
    ),
    404: ("RESOURCE_NOT_FOUND", "The specified resource does not exist."),
    422: (
        "UNPROCESSABLE_ENTITY",
        "The requested action could not be performed, semantically incorrect, or failed"
        " business validation.",
    ),
    # The documents have no 429; PayPal's support quotes it like this.
    429: ("RATE_LIMIT_REACHED", "Too many requests. Blocked due to rate limiting."),
    500: ("INTERNAL_SERVER_ERROR", "An internal server error occurred."),
}
ISSUES = {
    "AMOUNT_MISMATCH": "Should equal item_total + tax_total + shipping + handling +"
    " insurance - shipping_discount - discount.",
    "CANNOT_BE_NEGATIVE": "Must be greater than or equal to 0. If the currency supports"
    " decimals, only two decimal place precision is supported.",
    "CANNOT_BE_ZERO_OR_NEGATIVE": "Must be greater than zero. If the currency supports"
    " decimals, only two decimal place precision is supported.",
    "CAPTURE_FULLY_REFUNDED": "The capture has already been fully refunded",
    "DECIMALS_NOT_SUPPORTED": "Currency does not support decimals.",
    "DECIMAL_PRECISION": "If the currency supports decimals, only two decimal place"
    " precision is supported.",
    "DUPLICATE_INVOICE_ID": "Duplicate Invoice ID detected. To avoid a potential"
    " duplicate transaction your account setting requires that Invoice Id be unique for"
    " each transaction.",
    "DUPLICATE_REQUEST_ID": "The value of PayPal-Request-Id header has already been used.",
    "INSTRUMENT_DECLINED": "The instrument presented  was either declined by the"
    " processor or bank, or it can't be used for this payment.",
    "INVALID_ARRAY_MIN_ITEMS": "The number of items in an array parameter is too small.",
    "INVALID_CURRENCY_CODE": "Currency code is invalid or is not currently supported."
    " Please refer https://developer.paypal.com/api/rest/reference/currency-codes/ for"
    " list of supported currency codes.",
    "INVALID_PARAMETER_SYNTAX": "The value of a field does not conform to the expected"
    " format.",
    "INVALID_PARAMETER_VALUE": "A parameter value is not valid.",
    "INVALID_RESOURCE_ID": "Specified resource ID does not exist. Please check the"
    " resource ID and try again.",
    "INVALID_STRING_LENGTH": "The value of a field is either too short or too long",
    "ITEM_TOTAL_MISMATCH": "Should equal sum of (unit_amount * quantity) across all items"
    " for a given purchase_unit.",
    "ITEM_TOTAL_REQUIRED": "If item details are specified (items.unit_amount and"
    " items.quantity) corresponding amount.breakdown.item_total is required.",
    "MALFORMED_REQUEST_JSON": "The request JSON is not well formed.",
    "MISSING_REQUIRED_PARAMETER": "A required parameter is missing.",
    "MULTI_CURRENCY_ORDER": "Multiple differing values of currency_code are not"
    " supported. Entire Order request must have the same currency_code.",
    "NOT_SUPPORTED": "This field is not currently supported.",
    "ORDER_ALREADY_CAPTURED": "Order already captured.If 'intent=CAPTURE' only one capture"
    " per order is allowed.",
    "ORDER_NOT_APPROVED": "Payer has not yet approved the Order for payment. Please"
    " redirect the payer to the 'rel':'approve' url returned as part of the HATEOAS links"
    " within the Create Order call or provide a valid `payment_source` in the request.",
    "PAYPAL_REQUEST_ID_REQUIRED": "A PayPal-Request-Id is required if you are trying to"
    " process payment for an Order. Please specify a PayPal-Request-Id or Create the"
    " Order without a 'payment_source' specified.",
    "PENDING_CAPTURE": "Cannot initiate a refund as the capture is pending. Capture is"
    " typically pending when the payer has funded the transaction using e-check/bank"
    " funded.",
    "REFUND_AMOUNT_EXCEEDED": "The refund amount must be less than or equal to the"
    " capture amount that has not yet been refunded.",
    "REFUND_CAPTURE_CURRENCY_MISMATCH": "Refund must be in the same currency as the"
    " capture",
    "REFUND_NOT_ALLOWED": "Capture cannot be refunded.",
}
HELP = "https://developer.paypal.com/docs/api/orders/v2/"


class PayPalError(Exception):
    """An error answer; `issue` is its only detail's or '', `field` a JSON pointer.

    `location` of the field is body or query. `links` come besides the one to PayPal's
    help.
    """

    def __init__(
        self,
        status: int,
        issue: str = "",
        *,
        field: str = "",
        location: str = "body",
        links: Iterable[Json] = (),
    ) -> None:
        super().__init__(issue or NAMES[status][0])
        self.status = status
        self.issue = issue
        self.field = field
        self.location = location
        self.links = list(links)

    def body(self) -> Json:
        name, message = NAMES[self.status]
        page = f"{HELP}#error-{self.issue or name}"
        help_link = {"href": page, "rel": "information_link", "method": "GET"}
        answer: Json = {
            "name": name,
            "message": message,
            "debug_id": secrets.token_hex(7)[:13],
            "links": [help_link, *self.links],
        }
        if self.issue:
            detail = {"issue": self.issue, "description": ISSUES[self.issue]}
            if self.field:
                detail |= {"field": self.field, "location": self.location}
            answer["details"] = [detail]
        return answer


def missing(field: str) -> PayPalError:
    return PayPalError(400, "MISSING_REQUIRED_PARAMETER", field=field)


def not_found() -> PayPalError:
    return PayPalError(404, "INVALID_RESOURCE_ID")
