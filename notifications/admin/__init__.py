from . import customer_panel, messages, undelivered  # noqa: F401  register themselves
