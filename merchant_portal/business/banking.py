"""The account to which customers may transfer, and what a program reads of a tax number."""

from stdnum import bic, iban
from stdnum.exceptions import ValidationError

from .choices import is_country
from .models import Business

VAT_PREFIXES = {"EL"}  # Greece, whose country code is GR


def clean_iban(text: str) -> str | None:
    """Without spaces, in capitals; None where length, structure or checksum is wrong."""
    try:
        return iban.validate(text)
    except ValidationError:
        return None


def clean_bic(text: str) -> str | None:
    try:
        return bic.validate(text)
    except ValidationError:
        return None


def grouped(number: str) -> str:
    """An IBAN as people write it, in groups of four."""
    return " ".join(number[at : at + 4] for at in range(0, len(number), 4))


def holder(business: Business) -> str:
    return business.account_holder or business.legal_name or business.name


def is_vat_number(tax_id: str) -> bool:
    """Whether it begins with its country, as the EN 16931 asks of a VAT identifier."""
    prefix = tax_id[:2]
    return prefix.isupper() and (prefix in VAT_PREFIXES or is_country(prefix))
