from . import messages, texts, whatsapp  # noqa: F401  register themselves
