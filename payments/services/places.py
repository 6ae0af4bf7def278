"""How many messages may be under way at once, of all workers together.

A shop may keep a sender waiting for as long as we let it, and one with many endpoints could keep every thread so: then
nothing would be booked for anybody. So messages have fewer places than there are threads, and no shop has all of them.
"""

import random

from django.conf import settings

from operations.selectors import claimed_before
from operations.services import NotBegun
from payments.models import EventDelivery

# Within how many seconds it is looked again for a place, where nobody who ends a message calls it up before: soon,
# unless it is for an endpoint that takes nothing anyway.
_SOON_S, _LATER_S = (1, 3), (30, 90)


def require_place(delivery: EventDelivery, *, kind: str) -> None:
    """Raise NotBegun where a delivery, whose job is of this kind, has to wait for others that were claimed before."""
    ahead = [str(args["delivery"]) for args in claimed_before(kind=kind, key=delivery.job_key)]
    most: int = settings.WEBHOOK_SENDS_AT_ONCE
    of_one_shop = max(1, most - 1)
    if len(ahead) < of_one_shop:
        return
    if len(ahead) >= most or _of_the_same_shop(delivery, ahead) >= of_one_shop:
        least_s, most_s = _LATER_S if delivery.endpoint.failing_since else _SOON_S
        # Not all at once again.
        after_s = random.randint(least_s, most_s)  # noqa: S311 - not a secret
        raise NotBegun(reason="as many messages are under way as may be", after_s=after_s)


def _of_the_same_shop(delivery: EventDelivery, others: list[str]) -> int:
    shop = delivery.endpoint.storefront_id
    return EventDelivery.objects.filter(pk__in=others, endpoint__storefront=shop).count()
