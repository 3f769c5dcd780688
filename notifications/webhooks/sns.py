"""Amazon SES reports through SNS: proved by Amazon's signature as well as by our sign-in.

Anymail's own view leaves the signature alone and needs boto3 to confirm a subscription.
Neither an address nor a host is taken from the request on trust: certificates come from
SNS alone, and a subscription is confirmed at the region of its own topic.
"""

import base64
import re
import threading
from typing import Any, ClassVar
from urllib.parse import urlencode, urlsplit

import requests
from anymail.exceptions import AnymailWebhookValidationFailure
from anymail.webhooks.amazon_ses import (
    AmazonSESBaseWebhookView,
    AmazonSESTrackingWebhookView,
)
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from django.http import HttpRequest

TIMEOUT_SECONDS = (3, 5)
# SNS itself gives up after 15 seconds.
MAX_ANSWER_BYTES = 16_384
MAX_CERTIFICATES = 8
# kept in this process; SNS changes its own about once a year
_HOST = r"sns\.[a-z]{2}(?:-[a-z]+)+-\d\.amazonaws\.com(?:\.cn)?"
_CERTIFICATE = re.compile(rf"https://{_HOST}/SimpleNotificationService-[0-9a-f]+\.pem")
_TOPIC = re.compile(
    r"arn:(aws|aws-cn|aws-us-gov):sns:([a-z]{2}(?:-[a-z]+)+-\d):\d{12}:[\w-]{1,256}"
)
_SIGNED = {
    "Notification": (
        "Message",
        "MessageId",
        "Subject",
        "Timestamp",
        "TopicArn",
        "Type",
    ),
    "SubscriptionConfirmation": (
        *("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn"),
        "Type",
    ),
}
_SIGNED["UnsubscribeConfirmation"] = _SIGNED["SubscriptionConfirmation"]
# https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "1": hashes.SHA1(),  # noqa: S303  the default of topics made before 2022
    "2": hashes.SHA256(),
}
_certificates: dict[str, rsa.RSAPublicKey] = {}
_lock = threading.Lock()


class SesTrackingView(AmazonSESTrackingWebhookView):  # type: ignore[misc]
    """Anymail's view, without boto3 and with the signature."""

    session_params: ClassVar[dict[str, Any]] = {}
    client_params: ClassVar[dict[str, Any]] = {}

    def __init__(self, **kwargs: Any) -> None:
        # What anymail's own does, past the one that wants boto3's settings.
        self.auto_confirm_enabled = True
        super(AmazonSESBaseWebhookView, self).__init__(**kwargs)

    def run_validators(self, request: HttpRequest) -> None:
        """Anymail's own first: nothing is fetched for whoever has not signed in."""
        super().run_validators(request)
        check_signature(self._parse_sns_message(request))

    def auto_confirm_sns_subscription(self, sns_message: dict[str, Any]) -> None:
        """Confirm what was proved to be meant for us; SNS asks again if it fails."""
        topic, token = str(sns_message["TopicArn"]), str(sns_message["Token"])
        found = _TOPIC.fullmatch(topic)
        if found is None:
            raise AnymailWebhookValidationFailure("SNS names a topic that is none")
        end = "amazonaws.com.cn" if found[1] == "aws-cn" else "amazonaws.com"
        asked = {"Action": "ConfirmSubscription", "TopicArn": topic, "Token": token}
        fetch(f"https://sns.{found[2]}.{end}/?{urlencode(asked)}")


def check_signature(message: Any) -> None:
    """Raises AnymailWebhookValidationFailure for what Amazon did not sign."""
    if not isinstance(message, dict):
        raise AnymailWebhookValidationFailure("SNS message is not an object")
    signed = _SIGNED.get(str(message.get("Type")), ())
    digest = _HASHES.get(str(message.get("SignatureVersion")))
    url = str(message.get("SigningCertURL", ""))
    if not signed or digest is None or not _CERTIFICATE.fullmatch(url):
        raise AnymailWebhookValidationFailure("SNS message is not signed by Amazon")
    text = "".join(f"{name}\n{message[name]}\n" for name in signed if message.get(name))
    try:
        signature = base64.b64decode(str(message.get("Signature", "")), validate=True)
        _key_at(url).verify(signature, text.encode(), padding.PKCS1v15(), digest)
    except (ValueError, InvalidSignature) as exc:
        raise AnymailWebhookValidationFailure("SNS signature is wrong") from exc


def _key_at(url: str) -> rsa.RSAPublicKey:
    known = _certificates.get(url)
    if known is not None:
        return known
    certificate = x509.load_pem_x509_certificate(fetch(url))
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise ValueError("not an RSA key")
    with _lock:
        if len(_certificates) >= MAX_CERTIFICATES:
            _certificates.clear()
        _certificates[url] = key
    return key


class NotFetched(OSError):
    """Amazon did not answer; SNS repeats the message."""


def fetch(url: str) -> bytes:
    """A short answer of SNS over TLS, no redirect followed; raises NotFetched."""
    if urlsplit(url).scheme != "https":
        raise NotFetched("not over TLS")
    try:
        with requests.get(
            url, timeout=TIMEOUT_SECONDS, allow_redirects=False, stream=True
        ) as response:
            if response.status_code != 200:
                raise NotFetched(f"SNS answered {response.status_code}")
            first: bytes = next(response.iter_content(MAX_ANSWER_BYTES), b"")
            return first
    except requests.RequestException as exc:
        raise NotFetched(type(exc).__name__) from exc
