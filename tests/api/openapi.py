"""The OpenAPI document as the tests use it: each operation, and validators of its bodies."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator

from config.openapi import document

METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One operation of the document."""

    method: str
    path: str
    raw: Any

    @property
    def name(self) -> str:
        """Return its id."""
        return str(self.raw["operationId"])

    @property
    def summary(self) -> str:
        """Return its title."""
        return str(self.raw["summary"])

    @property
    def needs_key(self) -> bool:
        """Tell whether it needs an idempotency key."""
        return any(one["name"] == "Idempotency-Key" for one in self.parameters("header"))

    @property
    def takes(self) -> Any:
        """Return the schema of its body, or None."""
        content = self.raw.get("requestBody", {}).get("content", {})
        return content.get("application/json", {}).get("schema")

    @property
    def example(self) -> Any:
        """Return the document's example of its body."""
        [content] = self.raw["requestBody"]["content"].values()
        [example] = content["examples"].values()
        return example["value"]

    def parameters(self, place: str) -> list[Any]:
        """Return its parameters in the path, the query or the headers."""
        return [one for one in self.raw.get("parameters", []) if one["in"] == place]

    def answer(self, status: int, media: str) -> Any:
        """Return the schema of an answer. Raises KeyError for one that the document does not know."""
        return self.raw["responses"][str(status)]["content"][media]["schema"]

    def bodies(self) -> Iterator[tuple[str, str, Any]]:
        """Yield each body: its status (or `request`), its media type and its content."""
        for media, content in self.raw.get("requestBody", {}).get("content", {}).items():
            yield "request", media, content
        for status, answer in self.raw["responses"].items():
            for media, content in answer.get("content", {}).items():
                yield status, media, content


def operations() -> list[Operation]:
    """Return every operation of the document."""
    return [
        Operation(method=method.upper(), path=path, raw=item[method])
        for path, item in document()["paths"].items()
        for method in METHODS
        if method in item
    ]


def validator_of(schema: Any) -> Draft202012Validator:
    """Return a validator of a schema of the document, whose references lead into its components."""
    return Draft202012Validator({**schema, "components": document()["components"]})


def closed(schema: Any) -> Any:
    """Return a schema that refuses the fields that it does not name, as ours may not have any."""
    match schema:
        case dict():
            known = {"additionalProperties": False} if "properties" in schema else {}
            return {**{key: closed(value) for key, value in schema.items()}, **known}
        case list():
            return [closed(value) for value in schema]
    return schema
