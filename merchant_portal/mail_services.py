"""How mail leaves: EMAIL_URL names an SMTP server or the HTTP API of a mail service.

`SERVICES` is the one place that says which part of that address is which setting of
django-anymail, and what proves the reports that the service sends back.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn
from urllib.parse import SplitResult, unquote, urlsplit

from . import environment as env

TIMEOUT_SECONDS = (5, 15)
# To connect, and for each answer; together below the lease of a claimed message.
_UNREADABLE = "cannot be understood"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One mail service.

    `user`, `password`, `host`: anymail's settings that those parts of EMAIL_URL fill;
    none: it is not sent through by HTTP here. `host_form` is how a host is written in
    its setting. `example`: for the operator. `proof`: anymail's setting with the key
    that proves its reports; `needs_proof`: its reports are taken only with that key,
    else a shared ANYMAIL_WEBHOOK_SECRET will do as well.
    """

    example: str
    user: str = ""
    password: str = ""
    host: str = ""
    host_form: str = "{}"
    proof: str = ""
    needs_proof: bool = False


SERVICES = {
    "amazon_ses": Service(
        example="smtp+tls://user:password@email-smtp.us-east-1.amazonaws.com:587"
    ),
    "brevo": Service(example="brevo://API_KEY@", user="BREVO_API_KEY"),
    "mailersend": Service(
        example="mailersend://API_TOKEN@",
        user="MAILERSEND_API_TOKEN",
        proof="MAILERSEND_SIGNING_SECRET",
        needs_proof=True,
    ),
    "mailgun": Service(
        example="mailgun://API_KEY@mg.example.com",
        user="MAILGUN_API_KEY",
        host="MAILGUN_SENDER_DOMAIN",
        proof="MAILGUN_WEBHOOK_SIGNING_KEY",
        needs_proof=True,
    ),
    "mailjet": Service(
        example="mailjet://API_KEY:SECRET_KEY@",
        user="MAILJET_API_KEY",
        password="MAILJET_SECRET_KEY",  # noqa: S106  the name of a setting
    ),
    "mailtrap": Service(
        example="mailtrap://API_TOKEN@",
        user="MAILTRAP_API_TOKEN",
        proof="MAILTRAP_TRACKING_SECRET",
    ),
    "mandrill": Service(
        example="mandrill://API_KEY@",
        user="MANDRILL_API_KEY",
        proof="MANDRILL_WEBHOOK_KEY",
        needs_proof=True,
    ),
    "postal": Service(
        example="postal://API_KEY@postal.example.com",
        user="POSTAL_API_KEY",
        host="POSTAL_API_URL",
        host_form="https://{}",
        proof="POSTAL_WEBHOOK_KEY",
        needs_proof=True,
    ),
    "postmark": Service(
        example="postmark://SERVER_TOKEN@", user="POSTMARK_SERVER_TOKEN"
    ),
    "resend": Service(example="resend://API_KEY@", user="RESEND_API_KEY"),
    "scaleway": Service(
        example="scaleway://SECRET_KEY:PROJECT_ID@",
        user="SCALEWAY_SECRET_KEY",
        password="SCALEWAY_PROJECT_ID",  # noqa: S106  the name of a setting
    ),
    "sendgrid": Service(
        example="sendgrid://API_KEY@",
        user="SENDGRID_API_KEY",
        proof="SENDGRID_TRACKING_WEBHOOK_VERIFICATION_KEY",
    ),
    "sparkpost": Service(example="sparkpost://API_KEY@", user="SPARKPOST_API_KEY"),
    "unisender_go": Service(
        example="unisender-go://API_KEY@go1.unisender.ru",
        user="UNISENDER_GO_API_KEY",
        host="UNISENDER_GO_API_URL",
        host_form="https://{}/ru/transactional/api/v1/",
        proof="UNISENDER_GO_API_KEY",
        needs_proof=True,
    ),
}
ALIASES = {"ses": "amazon_ses", "sendinblue": "brevo"}


class Given(NamedTuple):
    """What the environment says: `smtp` as Django's settings, or `esp` with `anymail`.

    Both are empty when nothing is set: mail is captured.
    """

    smtp: dict[str, Any]
    esp: str
    anymail: dict[str, Any]
    base: str


def slug_of(name: str) -> str:
    """`unisender-go` as anymail writes it, and other names of the same service."""
    slug = name.lower().replace("-", "_")
    return ALIASES.get(slug, slug)


def read(public_url: str) -> Given:
    """From the environment; a wrong or missing value stops the start."""
    base = env.url("EMAIL_API_BASE", "", {"http", "https"})
    anymail = _proofs(public_url)
    url = env.text("EMAIL_URL")
    esp = slug_of(url.partition(":")[0]) if "://" in url else ""
    if esp not in SERVICES:
        return Given(env.email(), "", anymail, base)
    anymail |= _sending(esp, url)
    if base:
        anymail[f"{esp}_api_url".upper()] = base
    return Given({}, esp, anymail, base)


def _sending(esp: str, url: str) -> dict[str, Any]:
    service = SERVICES[esp]
    if not service.user:
        _stop(esp, "names a service that is used by SMTP here")
    try:
        parts = urlsplit(url)
        has_more = bool(parts.port or parts.query or parts.path.strip("/"))
    except ValueError:  # a port that is no number, an open bracket
        parts, has_more = SplitResult("", "", "", "", ""), True
    if has_more:
        _stop(esp, _UNREADABLE)
    host = service.host_form.format(parts.hostname) if parts.hostname else ""
    given = [
        (service.user, unquote(parts.username or "")),
        (service.password, unquote(parts.password or "")),
        (service.host, host),
    ]
    if any(bool(name) != bool(value) for name, value in given):
        _stop(esp, _UNREADABLE)
    said = {name: value for name, value in given if name}
    return {"REQUESTS_TIMEOUT": TIMEOUT_SECONDS, **said}


def _proofs(public_url: str) -> dict[str, Any]:
    """What proves the reports of mail services, under anymail's own names."""
    found: dict[str, Any] = {}
    secrets = env.names("ANYMAIL_WEBHOOK_SECRET")
    if not all(all(secret.partition(":")) for secret in secrets):
        env.stop(
            "ANYMAIL_WEBHOOK_SECRET",
            "is not user:password",
            "Make up both, long and random; the service is given the address"
            " https://user:password@… of its webhook.",
        )
    if secrets:
        found["WEBHOOK_SECRET"] = secrets
    for service in SERVICES.values():
        if service.proof and service.proof != service.user:
            value = env.text(f"ANYMAIL_{service.proof}")
            if value:
                found[service.proof] = value
    # It signs the address that it was given, sign-in included.
    scheme, _colon, rest = public_url.partition("://")
    sign_in = f"{secrets[0]}@" if secrets else ""
    found["MANDRILL_WEBHOOK_URL"] = (
        f"{scheme}://{sign_in}{rest}/webhooks/email/mandrill/"
    )
    return found


def is_heard(esp: str, anymail: dict[str, Any]) -> bool:
    """Whether reports of that service can be proved with what is set."""
    service = SERVICES[esp]
    has_proof = bool(service.proof and anymail.get(service.proof))
    return has_proof or (
        not service.needs_proof and bool(anymail.get("WEBHOOK_SECRET"))
    )


def _stop(esp: str, problem: str) -> NoReturn:
    env.stop("EMAIL_URL", problem, f"Example: EMAIL_URL={SERVICES[esp].example}")
