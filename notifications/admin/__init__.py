from . import messages, texts  # noqa: F401  register themselves
