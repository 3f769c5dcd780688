from django.urls import path, re_path

from . import (
    embed,
    legal,
    owing,
    papers,
    replying,
    theme,
    training,
    verifying,
    views,
)

# A mail program may glue one mark to the end of an address, after the slash too.
GLUED = r"[.,;:!?>)\]}'\"\u2026\u00bb\u201d\u2019]"

urlpatterns = [
    path("p/<str:token>/", views.show, name="pay_link"),
    re_path(rf"^p/(?P<token>[^/]+)(?:/{GLUED})?\Z", views.show),
    path("p/<str:token>/pay/<slug:provider>/", views.start, name="pay_start"),
    path(
        "p/<str:token>/return/<slug:checkout_id>/", views.returned, name="pay_returned"
    ),
    path("p/<str:token>/invoice.pdf", papers.invoice, name="pay_invoice"),
    path(
        "p/<str:token>/receipt/<slug:payment_id>.pdf",
        papers.receipt,
        name="pay_receipt",
    ),
    path(
        "p/<str:token>/credit-note/<slug:refund_id>.pdf",
        papers.credit_note,
        name="pay_credit_note",
    ),
    path("p/<str:token>/qr.svg", papers.code),
    path("p/<str:token>/transfer.svg", papers.transfer_code, name="pay_transfer"),
    path("p/<str:token>/reply/", replying.reply, name="pay_reply"),
    # Whatever else claims to be a link: the 404 of an unknown one.
    path("p/<path:token>", views.show),
    path("owed/<str:token>/", owing.show, name="owed"),
    re_path(rf"^owed/(?P<token>[^/]+)(?:/{GLUED})?\Z", owing.show),
    path("owed/<str:token>/pay/<slug:provider>/", owing.start, name="owed_start"),
    path(
        "owed/<str:token>/return/<slug:checkout_id>/",
        owing.returned,
        name="owed_returned",
    ),
    path("owed/<str:token>/<path:rest>", owing.elsewhere),
    path("embed.js", embed.embed, name="embed"),
    path("verify/", verifying.verify, name="pay_verify"),
    path("legal/<slug:name>/", legal.text, name="legal"),
    path("training/<slug:checkout_id>/", training.hosted, name="training"),
    re_path(
        r"^brand/theme-(?P<color>[0-9a-f]{6})\.css\Z", theme.theme, name="brand_theme"
    ),
]
