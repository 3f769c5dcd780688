from . import (  # noqa: F401  register themselves
    customer_panel,
    inbound,
    messages,
    texts,
    undelivered,
    whatsapp,
)
