"""The screens of this app; Django finds them by importing this package."""

from . import customers

__all__ = ["customers"]
