"""What a column of a file may be, and how somebody said that the file is to be read."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from customers.services import importing
from merchant_portal.lib.tables import headings
from merchant_portal.lib.tables.values import Days, Style

CUSTOMER = ("name", "email", "phone", "language", "external_ref")
LABELS: dict[str, Promise] = {
    "reference": _("Your reference"),
    "amount": _("Amount"),
    "currency": _("Currency"),
    "description": _("What it is for"),
    "quantity": _("Quantity"),
    "tax": _("Tax %"),
    "due_on": _("Due date"),
    "note": _("Note to the customer"),
    "providers": _("Ways to pay"),
    "name": _("Customer's name"),
    "email": _("Customer's e-mail"),
    "phone": _("Customer's phone"),
    "language": _("Customer's language"),
    "external_ref": _("Customer's reference"),
}
NAMES: dict[str, tuple[str, ...]] = {
    "reference": (
        "reference", "invoice", "invoice number", "invoice no", "order", "order number",
        "order id", "rechnungsnummer", "rechnungs-nr", "rechnung", "bestellnummer",
        "auftragsnummer", "referenz", "belegnummer", "numero de factura", "factura",
        "pedido", "numero de pedido", "referencia", "numero de facture", "facture",
        "commande", "numero de commande", "reference de commande",
    ),
    "amount": (
        "amount", "total", "price", "amount due", "sum", "unit price", "betrag", "preis",
        "summe", "einzelpreis", "bruttobetrag", "rechnungsbetrag", "importe", "monto",
        "precio", "cantidad a pagar", "montant", "prix", "somme", "prix unitaire",
    ),
    "currency": ("currency", "währung", "waehrung", "moneda", "divisa", "devise", "monnaie"),
    "description": (
        "description", "item", "product", "what for", "subject", "line", "beschreibung",
        "bezeichnung", "artikel", "verwendungszweck", "betreff", "leistung", "descripcion",
        "concepto", "articulo", "producto", "libelle", "designation", "objet", "article",
        "produit",
    ),
    "quantity": (
        "quantity", "qty", "pieces", "menge", "anzahl", "stück", "cantidad", "unidades",
        "quantite", "qte",
    ),
    "tax": (
        "tax", "tax %", "tax rate", "vat", "vat %", "vat rate", "steuer", "steuersatz",
        "mwst", "mwst %", "ust", "iva", "iva %", "impuesto", "tva", "tva %", "taxe",
    ),
    "due_on": (
        "due", "due date", "due on", "pay by", "fällig", "fällig am", "fälligkeit",
        "fälligkeitsdatum", "zahlbar bis", "vencimiento", "fecha de vencimiento",
        "echeance", "date d'echeance", "a payer avant",
    ),
    "note": (
        "note", "message", "comment", "notiz", "nachricht", "bemerkung", "hinweis", "nota",
        "mensaje", "comentario", "remarque", "commentaire",
    ),
    "providers": (
        "ways to pay", "payment methods", "providers", "zahlungsarten", "zahlungswege",
        "formas de pago", "metodos de pago", "moyens de paiement",
    ),
    **{f: importing.NAMES[f] for f in CUSTOMER},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Setup:
    """How to read the rows. `columns`: field → place of its column.

    `style`, `days`: None while nobody has said how amounts and days are written.
    `currency`, `description`: of rows that say none. `source`: the system whose numbers
    the references of customers are.
    """

    columns: Mapping[str, int] = field(default_factory=dict)
    style: Style | None = None
    days: Days | None = None
    currency: str = ""
    description: str = ""
    source: str = ""

    def stored(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "Setup":
        return cls(
            columns={
                name: int(place) for name, place in stored.get("columns", {}).items()
            },
            style=Style(stored["style"]) if stored.get("style") else None,
            days=Days(stored["days"]) if stored.get("days") else None,
            currency=str(stored.get("currency", "")),
            description=str(stored.get("description", "")),
            source=str(stored.get("source", "")),
        )


def propose(titles: Sequence[str]) -> dict[str, int]:
    """Field → column, by what the columns are called."""
    return headings.propose(titles, NAMES)
