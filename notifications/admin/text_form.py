"""What somebody typed into the editor of one message, and what it comes to."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from django.conf import settings
from django.utils.translation import gettext as _

from merchant_portal.business import services as business_services

from ..kinds import Kind
from ..models import ChannelName
from ..services import doctor, doctor_links, readers, templates
from ..services.doctor import Report, Shop
from ..services.findings import Finding
from ..services.rendering import common_values
from ..services.shipped import Words
from ..services.templates import InUse

EDITABLE = (ChannelName.EMAIL, ChannelName.SMS)
EMAIL, SMS = EDITABLE


@dataclass(frozen=True, slots=True)
class Typed:
    """`seen`: channel → the version that stood there when the page was opened.
    `agreed`: mark of the warnings that the author has read. `example`: whom to show."""

    email: Words = field(default_factory=Words)
    sms: Words = field(default_factory=Words)
    seen: Mapping[str, int] = field(default_factory=dict)
    agreed: str = ""
    example: str = ""

    @classmethod
    def of(cls, current: Mapping[str, InUse]) -> "Typed":
        empty = InUse(Words(), templates.SHIPPED, is_own=False)
        return cls(
            email=current.get(EMAIL, empty).words,
            sms=current.get(SMS, empty).words,
            seen={channel: used.version for channel, used in current.items()},
        )

    @classmethod
    def posted(cls, data: Mapping[str, str]) -> "Typed":
        def whole(name: str) -> int:
            value = data.get(name, "")
            return (
                int(value)
                if value.isascii() and value.isdigit() and len(value) < 9
                else 0
            )

        def words(name: str) -> str:
            return data.get(name, "").replace("\r\n", "\n")

        return cls(
            email=Words(words("subject"), words("body"), words("text")),
            sms=Words(text=words("sms")),
            seen={channel: whole(f"seen_{channel}") for channel in EDITABLE},
            agreed=data.get("agreed", "")[:64],
            example=data.get("example", "")[:32],
        )

    def of_channel(self, channel: str) -> Words:
        return self.email if channel == EMAIL else self.sms

    def taking(self, channel: str, used: InUse) -> "Typed":
        """With the words of one channel as they are sent now."""
        seen = {**self.seen, channel: used.version}
        if channel == EMAIL:
            return replace(self, email=used.words, seen=seen)
        return replace(self, sms=used.words, seen=seen)

    def having_seen(self, current: Mapping[str, InUse]) -> "Typed":
        """The same words, after their author has been told what others saved."""
        return replace(
            self, seen={channel: used.version for channel, used in current.items()}
        )

    def reports(
        self, kind: Kind, language: str, current: Mapping[str, InUse], shop: Shop
    ) -> dict[str, Report]:
        """channel → what the doctor says."""
        return {
            channel: doctor.examine(
                kind, channel, language, self.of_channel(channel), shop
            )
            for channel in EDITABLE
            if channel in current
        }


def changed(
    reports: Mapping[str, Report], current: Mapping[str, InUse]
) -> dict[str, Report]:
    """Those whose words are not what is sent now."""
    return {
        channel: report
        for channel, report in reports.items()
        if report.words != current[channel].words
    }


def findings(reports: Mapping[str, Report]) -> list[Finding]:
    """All of them, refusals first, none twice."""
    found = dict.fromkeys(
        finding for report in reports.values() for finding in report.findings
    )
    return sorted(found, key=lambda one: not one.is_refusal)


def mark_of(found: list[Finding]) -> str:
    """A mark of these warnings: who has read others has not read these."""
    said = "\n".join(f"{one.place}:{one.message}" for one in found)
    return hashlib.sha256(said.encode()).hexdigest()[:32]


def shop(kind: Kind, language: str, languages: list[str]) -> Shop:
    """What the doctor must know; two queries at most."""
    business = business_services.kept()
    own = templates.own_ones()
    names = dict(settings.LANGUAGES)
    is_first = (kind.name, language) not in own
    lacking = [
        str(names[code])
        for code, count in readers.counts().items()
        if is_first
        and count
        and code in languages
        and code != language
        and (kind.name, code) not in own
    ]
    return Shop(
        hosts=doctor_links.hosts_of(settings.PUBLIC_URL, business.website),
        values={**common_values(), **kind.sample(language)},
        untranslated=tuple(lacking),
    )


def place_title(place: str) -> str:
    return {
        "subject": _("Subject"),
        "body": _("Words of the e-mail"),
        "text": _("Plain text"),
        "sms": _("SMS"),
    }.get(place, "")
