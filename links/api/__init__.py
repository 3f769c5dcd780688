"""The routers of this app, mounted by merchant_portal.api."""

from .disputes import router as disputes_router
from .links import router as links_router
from .messages import router as messages_router
from .payments import router as payments_router
from .payouts import router as payouts_router
from .plans import router as plans_router
from .reports import router as reports_router
from .sends import router as sends_router

__all__ = [
    "disputes_router",
    "links_router",
    "messages_router",
    "payments_router",
    "payouts_router",
    "plans_router",
    "reports_router",
    "sends_router",
]
