from . import messages  # noqa: F401  registers itself
