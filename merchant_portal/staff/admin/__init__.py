"""The screens of this app; Django finds them by importing this package."""

from . import audit_log, business

__all__ = ["audit_log", "business"]
