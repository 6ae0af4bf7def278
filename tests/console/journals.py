"""Manual journals on the console's pages: the form as a browser sends it, the pages as people read them."""

import html
import re
from typing import Any

from django.test import Client
from django.urls import reverse

from ledger.models import ManualJournal

LIST = "admin:ledger_manualjournal_changelist"
WRITE = "admin:ledger_manualjournal_write"
ANN = "Ann's Lamps"
REASON = "bank charges of April, statement page 9"
CHARGES = [("rounding", "3.20", "", "BRL", "page 9"), ("bank:main", "", "3.20", "BRL", "")]


def filled(*lines: tuple[str, str, str, str, str], **head: Any) -> dict[str, Any]:
    """Return the form as a browser sends it."""
    names = ("account", "debit", "credit", "currency", "item")
    typed = {
        f"line-{number}-{name}": value
        for number, line in enumerate(lines or CHARGES, start=1)
        for name, value in zip(names, line, strict=True)
    }
    return {"description": REASON, "value_date": "", "key": "form-1", **typed, **head}


def page(name: str, journal: ManualJournal) -> str:
    return reverse(f"admin:ledger_manualjournal_{name}", args=[journal.pk])


def text_of(answer: Any) -> str:
    """Return a page as people read it: its text, with entities resolved and blanks as one."""
    text = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())
    return text.replace(" .", ".")


def written(browser: Client, *lines: tuple[str, str, str, str, str], **head: Any) -> ManualJournal:
    """Send the form and return the draft that it made."""
    answer = browser.post(reverse(WRITE), filled(*lines, **head))
    assert answer.status_code == 302, text_of(answer)
    return ManualJournal.objects.latest("created_at")
