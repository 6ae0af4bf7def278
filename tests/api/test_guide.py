"""The storefront developer's guide works as it stands: its requests are sent, in its order, and its Python is run."""

import json
import re
import shlex
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from config.documents import documents
from payments.event_catalogue import EVENT_TYPES
from payments.models import Dispute, EvidenceFile, StorefrontEvent, WebhookEndpoint
from payments.services.events import sign
from sandbox.provider.cards import CARDS
from tests.api.openapi import operations
from tests.payments.dispute_steps import open_dispute
from tests.world import Shop, World

GUIDE = Path(django_settings.BASE_DIR) / "docs/api.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    """Return the guide's code in one language, block by block."""
    return [text for found, text in BLOCK.findall(GUIDE.read_text(encoding="utf-8")) if found == language]


def curls() -> list[list[str]]:
    """Return the words of each curl command, variables as they stand."""
    text = "\n".join(blocks("bash")).replace("\\\n", " ").replace("$(date -u +%FT%TZ)", timezone.now().isoformat())
    commands: list[list[str]] = []
    for word in shlex.split(text, comments=True):
        if word == "curl":
            commands.append([])
        elif commands:
            commands[-1].append(word)
    return commands


def run(shop: Shop, words: list[str], values: dict[str, str]) -> Any:
    """Send what a curl command would."""
    for name, value in values.items():
        words = [word.replace(f"${name}", value) for word in words]
    method, headers, body, url = "", {}, None, ""
    rest = iter(words)
    for word in rest:
        match word:
            case "-X":
                method = next(rest)
            case "-H":
                name, _, value = next(rest).partition(": ")
                headers[name] = value
            case "-d":
                body = next(rest)
            case _:
                assert not word.startswith("-"), word
                url = word
    kind = headers.pop("Content-Type", "")
    assert kind == ("application/json" if body is not None else "")
    send = getattr(shop.client, (method or "GET").lower())
    options = {} if body is None else {"data": body, "content_type": kind}
    return send(url.removeprefix("http://shop.test"), headers=headers, **options)


class TestTheGuide:
    def test_works_as_it_stands(self, world: World, shop_listening: None) -> None:
        values = {"BASE": "http://shop.test", "KEY": world.shop.api_key}
        seen = set()
        for words in curls():
            if "/v1/disputes" in " ".join(words) and "DISPUTE" not in values:
                world.sell("cart-9", {"ann": "10.00"})
                values["DISPUTE"] = open_dispute(world).pk

            answer = run(world.shop, words, values | _ids())

            assert 200 <= answer.status_code < 300, (words, answer.content)
            seen.add(_operation(words, values))
            # One cart is changed and called off: its buyer never paid.
            if "$BASE/v1/payments" in words and "cart-1044" not in " ".join(words):
                world.pay(answer)
            world.settle()

        orders = {one["payment_order_id"]: one for one in world.shop.get("/v1/payments?limit=100").json()["data"]}
        assert {name: (one["status"], one["captured"]) for name, one in orders.items() if name != "cart-9.ann"} == {
            "cart-1042.ann": ("SUCCESS", "10.00"),
            "cart-1042.bob": ("SUCCESS", "20.50"),
            "cart-1043.ann": ("SUCCESS", "6.00"),
            "cart-1043.bob": ("CANCELED", "0.00"),
            "cart-1044.ann": ("CANCELED", "0.00"),
            "cart-1044.ann.2": ("CANCELED", "0.00"),
        }
        refunds = world.shop.get("/v1/refunds").json()["data"]
        assert sorted((one["amount"], one["status"]) for one in refunds) == [
            ("1.58", "succeeded"),
            ("4.00", "succeeded"),
            ("5.42", "succeeded"),
        ]
        assert Dispute.objects.get().state == "under_review"
        assert None not in seen
        # Whatever changes something is shown, but what takes back.
        assert {one.name for one in operations() if one.method != "GET"} - seen == {"deleteEndpoint"}

    def test_names_test_cards_that_there_are(self) -> None:
        cards = re.findall(r"^\| (\d{4} \d{4} \d{4} \d{4}) \|", GUIDE.read_text("utf-8"), re.MULTILINE)

        assert cards
        assert {card.replace(" ", "") for card in cards} <= set(CARDS)

    def test_verifies_our_messages_and_no_others(self) -> None:
        found: dict[str, Any] = {}
        exec(blocks("python")[0], found)
        verified, secret = found["verified"], "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
        stamp, body = int(timezone.now().timestamp()), b'{"type": "payment.succeeded"}'

        def headers(stamp: int, *signatures: str) -> dict[str, str]:
            mine = sign(secret=secret, event_id="evt_1", stamp=stamp, body=body)
            return {
                "webhook-id": "evt_1",
                "webhook-timestamp": str(stamp),
                "webhook-signature": " ".join([*signatures, mine] if signatures != ("none",) else ["v1,AAAA"]),
            }

        assert verified(secret, headers(stamp), body)
        assert verified(secret, headers(stamp, "v1,AAAA"), body)
        assert not verified(secret, headers(stamp, "none"), body)
        assert not verified(secret, headers(stamp), body + b" ")
        assert not verified(secret, headers(stamp - 301), body)
        assert not verified(secret, headers(stamp + 301), body)
        assert not verified("whsec_" + "A" * 32, headers(stamp), body)

    def test_creates_a_payment_from_python_with_a_retry(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        import requests

        for seller in ("ann", "bob"):
            world.open_seller(seller)
        monkeypatch.setenv("BASE", "http://shop.test")
        monkeypatch.setenv("KEY", world.shop.api_key)
        found: dict[str, Any] = {}
        exec(blocks("python")[1], found)
        monkeypatch.setattr(found["time"], "sleep", lambda _: None)
        answers: list[Any] = [_page_of_a_proxy(requests.Response()), requests.ConnectionError()]

        def post(url: str, *, json: Any, headers: dict[str, str], timeout: int) -> Any:
            if answers:
                first = answers.pop()
                if isinstance(first, Exception):
                    raise first
                return first
            answer = world.shop.post(urlsplit(url).path, json, key=headers["Idempotency-Key"])
            answer.ok = answer.status_code < 400
            return answer

        monkeypatch.setattr(found["session"], "post", post)
        body = json.loads(next(words[-1] for words in curls() if '"checkout_id"' in words[-1]))

        made = found["create"]("/v1/payments", body, "cart-1042")

        assert made["payment_page"]["url"]
        with pytest.raises(RuntimeError, match="checkout_exists"):
            found["create"]("/v1/payments", body, "another-key")

    def test_names_only_events_that_there_are(self) -> None:
        named = set(re.findall(r"\b(?:payment|refund|dispute|webhook_endpoint)\.[a-z_]+\b", GUIDE.read_text("utf-8")))

        assert named <= set(EVENT_TYPES)
        assert "events/README.md" in documents()

    def test_says_the_limits_that_are_set(self) -> None:
        text = GUIDE.read_text(encoding="utf-8")
        rates = django_settings.API_RATES

        assert f"{rates['read']} reads and {rates['write']} writes a second" in text
        hours = django_settings.IDEMPOTENCY_KEY_LIFE // timedelta(hours=1)
        assert f"| idempotency keys | kept for {hours} hours |" in text
        assert f"**After {hours} hours a key is forgotten**" in text


def _page_of_a_proxy(answer: Any) -> Any:
    """Make of an answer what a proxy says when it has none."""
    answer.status_code, answer._content = 502, b"<html>Bad Gateway</html>"
    return answer


def _ids() -> dict[str, str]:
    endpoint = WebhookEndpoint.objects.first()
    event = StorefrontEvent.objects.filter(type="payment.succeeded").first()
    file = EvidenceFile.objects.first()
    return {name: row.pk for name, row in {"ENDPOINT": endpoint, "EVENT": event, "FILE": file}.items() if row}


def _operation(words: list[str], values: dict[str, str]) -> str | None:
    method = words[words.index("-X") + 1] if "-X" in words else "GET"
    [url] = [word for word in words if word.startswith("$BASE")]
    path = urlsplit(url.replace("$BASE", "")).path
    for operation in operations():
        pattern = re.sub(r"\{\w+\}", "[^/]+", operation.path)
        if operation.method == method and re.fullmatch(pattern, path):
            return operation.name
    return None
