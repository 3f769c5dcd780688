"""What the services of this app refuse, in words for people."""


class LinkError(ValueError):
    """What was asked is not possible as it stands; `field` names the input at fault."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class LinkConflict(LinkError):
    """Somebody else, or the customer's money, was there first; load it anew."""
