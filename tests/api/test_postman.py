"""The Postman collection works as it stands: its requests are sent from top to bottom, by nothing but its variables."""

import json
import re
import uuid
from typing import Any

from django.utils import timezone

from config.documents import documents
from tests.payments.dispute_steps import open_dispute
from tests.world import World

TOLD = re.compile(r"const told = pm\.response\.json\(\)\.(\S+);")
SET = re.compile(r'pm\.collectionVariables\.set\("(\w+)", told\)')
# Of a cart that is paid there is nothing to capture.
OVER = {"not_capturable"}
# What needs a buyer who paid, and what needs a bank that took it back.
OF_THE_BUYER = {"deliveries", "refunds", "disputes"}


class Postman:
    """As much of Postman as the collection needs: variables, the words that begin with $, and what an answer tells."""

    def __init__(self, world: World) -> None:
        self.world = world
        collection = json.loads(documents()["postman_collection.json"])
        self.variables = {one["key"]: one["value"] for one in collection["variable"]}
        self.folders = {folder["name"]: folder["item"] for folder in collection["item"]}

    def filled(self, text: str) -> str:
        """Return a text with its variables filled in, those in variables too."""
        own = {"$guid": str(uuid.uuid4()), "$isoTimestamp": timezone.now().isoformat()}
        for _ in range(2):
            text = re.sub(r"\{\{([^}]+)\}\}", lambda found: (self.variables | own)[found[1]], text)
        return text

    def send(self, item: Any) -> Any:
        """Send a request, and keep what its answer tells."""
        request, url = item["request"], item["request"]["url"]
        places = {f":{one['key']}": self.filled(one["value"]) for one in url.get("variable", [])}
        path = "/" + "/".join(places.get(part, part) for part in url["path"])
        query = {one["key"]: one["value"] for one in url.get("query", []) if not one["disabled"]}
        headers = {one["key"]: self.filled(one["value"]) for one in request["header"] if one["key"] != "Content-Type"}
        headers["Authorization"] = f"Bearer {self.world.shop.api_key}"
        options: dict[str, Any] = {"data": query} if query else {}
        if "body" in request:
            options = {"data": self.filled(request["body"]["raw"]), "content_type": "application/json"}
        answer = getattr(self.world.shop.client, request["method"].lower())(path, headers=headers, **options)
        for event in item.get("event", []):
            self._keep("\n".join(event["script"]["exec"]), answer.json())
        return answer

    def _keep(self, script: str, answer: Any) -> None:
        place, name = TOLD.search(script), SET.search(script)
        assert place, script
        assert name, script
        for step in re.findall(r"\w+", place[1]):
            answer = answer[int(step)] if step.isdigit() else answer[step]
        self.variables[name[1]] = answer


class TestTheCollection:
    def test_works_from_top_to_bottom(self, world: World, shop_listening: None) -> None:
        postman, over, taken_back = Postman(world), set(), []
        for name, items in postman.folders.items():
            if name == "disputes":
                world.sell("cart-9", {"ann": "10.00"})
                open_dispute(world)
            for item in items:
                if item["request"]["method"] == "DELETE":
                    taken_back.append(item)
                    continue
                answer = postman.send(item)

                if answer.status_code == 409 and answer.json()["code"] in OVER:
                    over.add(answer.json()["code"])
                else:
                    assert 200 <= answer.status_code < 300, (item["name"], answer.content)
                if item["name"] == "Create a payment":
                    world.pay(answer)
                world.settle()

        assert over == OVER
        assert [postman.send(item).status_code for item in taken_back] == [204]

    def test_needs_a_buyer_for_nothing_else_and_leaves_them_the_page_that_they_pay(
        self, world: World, shop_listening: None
    ) -> None:
        postman = Postman(world)
        for name, items in postman.folders.items():
            for item in items if name not in OF_THE_BUYER else ():
                if item["request"]["method"] == "DELETE":
                    # Of an endpoint that is gone nothing is sent again.
                    continue
                answer = postman.send(item)

                ok = 200 <= answer.status_code < 300 or answer.json()["code"] in OVER
                assert ok, (item["name"], answer.content)
                world.settle()

        checkout = world.shop.get(f"/v1/checkouts/{postman.variables['checkout_id']}").json()
        assert {order["status"] for order in checkout["payment_orders"]} == {"EXECUTING"}
        assert checkout["payment_page"]["url"]
