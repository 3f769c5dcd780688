"""The routers of this app, mounted by merchant_portal.api."""

from .links import router as links_router
from .messages import router as messages_router
from .payments import router as payments_router

__all__ = ["links_router", "messages_router", "payments_router"]
