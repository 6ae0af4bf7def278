"""The console's pages that say no: in its frame where somebody is signed in, with what is missing and whom to ask."""

from collections.abc import Sequence

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse

from config.console import page_of
from config.middleware import request_id
from config.roles import HANDS

ADMINISTRATORS_NAMED = 3
_NO_SENSE = (
    "This step makes no sense here, or not any more: somebody may have taken it meanwhile.",
    "Go back and open the page afresh: it offers what can be done now.",
)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Say which right is missing, who has it and whom to ask; or that the step makes no sense."""
    right = _missing(request, exception)
    return _page(request, status=403, title="Not allowed", said=_about(request, right) if right else _NO_SENSE)


def form_too_old(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Say what to do about a form that this browser did not get from us, or got before it signed in."""
    said = (
        "Nothing was done: the form was opened before you signed in, in another browser, or too long ago.",
        "Open the page afresh, and send it again.",
    )
    return _page(request, status=403, title="This form is too old", said=said)


def nowhere(request: HttpRequest) -> HttpResponse:
    """Say that the console has no such page."""
    said = ("The console has no such page, or no longer has what it showed.",)
    return _page(request, status=404, title="Not found", said=said)


def broken() -> HttpResponse:
    """Say that something went wrong here. Asks nothing of the database, which may be what is broken."""
    return HttpResponse(render_to_string("500.html", {"request_id": request_id.get()}), status=500)


def _page(request: HttpRequest, *, status: int, title: str, said: Sequence[str]) -> HttpResponse:
    context = {"title": title, "said": said}
    # The login's middleware comes after those that may refuse a request first.
    user = getattr(request, "user", None)
    if user is None or not user.is_staff:
        return render(request, "console/refusal_alone.html", context, status=status)
    return render(request, "console/refusal.html", {**admin.site.each_context(request), **context}, status=status)


def _missing(request: HttpRequest, exception: Exception) -> str:
    """Return the right (app.codename) that the person would need and has not; nothing where it is not for that."""
    page = page_of(request)
    asked = [str(exception), page.permission if page else ""]
    return next((right for right in asked if "." in right and not request.user.has_perm(right)), "")


def _about(request: HttpRequest, right: str) -> list[str]:
    page = page_of(request)
    seeing = page.title if page and page.permission == right else right
    does = HANDS.get(right, f"see {seeing}")
    app, codename = right.split(".")
    roles = Group.objects.filter(permissions__content_type__app_label=app, permissions__codename=codename)
    who = ", ".join(roles.order_by("name").values_list("name", flat=True))
    return [
        f"Your role does not let you {does} ({right}).",
        f"Roles that do: {who}." if who else "No role does.",
        f"Ask an administrator for it: {_administrators()}.",
    ]


def _administrators() -> str:
    found = get_user_model().objects.filter(is_superuser=True, is_active=True).order_by("pk")[:ADMINISTRATORS_NAMED]
    return ", ".join(each.get_full_name() or each.get_username() for each in found) or "there is none yet"


def in_the_console(request: HttpRequest) -> bool:
    """Tell whether an address is one of the console's."""
    return request.path.startswith(reverse("admin:index"))
