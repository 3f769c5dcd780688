from . import inbound, messages, texts, whatsapp  # noqa: F401  register themselves
