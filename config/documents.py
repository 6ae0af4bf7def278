"""The files in docs/ that are written from the code: the API's description, the Postman collection, the events."""

import json
from typing import Any

from config.openapi import document
from config.postman import collection
from payments.event_catalogue import EVENT_TYPES, EventType, schema_of

_INTRODUCTION = """\
# Events

<!-- Written by `manage.py api_documents` from payments/event_catalogue.py. Change that, not this page. -->

What your endpoints are told, in the [Standard Webhooks](https://www.standardwebhooks.com) format. Each type has a JSON
schema beside this page; [api.md](../api.md) shows how a message is verified. More types and more fields may come:
ignore what you do not know. A message says how the object stood when it was written; ask the API for how it stands now.

| type | sent when | schema |
| --- | --- | --- |
"""


def documents() -> dict[str, str]:
    """Return each file's path under docs/ and its text."""
    found = document()
    return {
        "openapi.json": _json(found),
        "postman_collection.json": _json(collection(found)),
        "events/README.md": _INTRODUCTION + "".join(_row(each) for each in EVENT_TYPES.values()),
        **{f"events/{name}.json": _json(schema_of(each)) for name, each in EVENT_TYPES.items()},
    }


def _row(type: EventType) -> str:
    return f"| `{type.name}` | {type.sent_when} | [{type.name}.json]({type.name}.json) |\n"


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False, sort_keys=False) + "\n"
