from django.urls import path

from .webhooks import mail, twilio
from .webhooks.unsubscribe import unsubscribe

urlpatterns = [
    path("unsubscribe/<token>/", unsubscribe, name="unsubscribe"),
    path("webhooks/twilio/status/", twilio.status, name="twilio-status"),
    path("webhooks/twilio/status/<public_id>/", twilio.status, name="twilio-status-of"),
    path("webhooks/email/<slug:esp>/", mail.events, name="mail-events"),
    path("webhooks/twilio/inbound/", twilio.inbound, name="twilio-inbound"),
]
