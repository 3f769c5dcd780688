"""The public addresses of links and where providers report."""

from django.urls import include, path

urlpatterns = [
    path("webhooks/", include("links.webhooks.urls")),
    path("", include("links.pay.urls")),
]
