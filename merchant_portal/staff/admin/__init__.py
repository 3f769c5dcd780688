"""The screens of this app; Django finds them by importing this package."""

from . import api_keys, audit_log, business, users

__all__ = ["api_keys", "audit_log", "business", "users"]
