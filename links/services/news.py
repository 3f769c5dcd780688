"""Whether anything happened since a page was drawn: two look-ups by key."""

from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Right

from ..models import Activity, Payment


def digest(user: User) -> str:
    """Another one as soon as there is news that this reader may see: a new line on a
    timeline, or money, also money without a link."""
    lines, money = Activity.objects.order_by("-pk"), Payment.objects.order_by("-pk")
    if not user.may(Right.LINKS_ALL):
        lines = lines.filter(link__created_by=user)
        money = money.filter(link__created_by=user)
    newest = [rows.values_list("pk", flat=True).first() for rows in (lines, money)]
    return "-".join(str(pk or 0) for pk in newest)
