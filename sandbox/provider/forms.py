"""Decode form-encoded requests with nested names: `a[b][0]=x` is `{"a": {"b": ["x"]}}`."""

import base64
import io
import re
from typing import Any
from urllib.parse import parse_qsl

from werkzeug.formparser import MultiPartParser
from werkzeug.http import parse_options_header

from sandbox.provider.errors import InvalidRequest

_PART = re.compile(r"\[([^\[\]]*)\]")
_MAX_FIELDS = 2000


def decode(text: str) -> dict[str, Any]:
    """Decode a query string or form body into nested dicts, lists and strings.

    Raises InvalidRequest when the names contradict each other (`a=1&a[b]=2`) or there are too many.
    """
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_FIELDS, errors="strict")
    except (ValueError, UnicodeDecodeError) as error:
        raise InvalidRequest("The request body is not a valid form.") from error
    root: dict[str, Any] = {}
    for name, value in pairs:
        _put(root, _path(name), value, name)
    return {name: _collapse(value) for name, value in root.items()}


def decode_multipart(body: bytes, content_type: str) -> dict[str, Any]:
    """Decode a multipart body; a file becomes its name and its content in base 64.

    Raises InvalidRequest for one that is no multipart form.
    """
    _, options = parse_options_header(content_type)
    try:
        boundary = options["boundary"].encode("ascii")
        fields, files = MultiPartParser().parse(io.BytesIO(body), boundary, len(body))
    except (KeyError, ValueError) as error:
        raise InvalidRequest("The request body is not a valid multipart form.") from error
    root: dict[str, Any] = {}
    for name, value in fields.items(multi=True):
        _put(root, _path(name), value, name)
    decoded = {name: _collapse(value) for name, value in root.items()}
    for name, upload in files.items(multi=True):
        content = base64.b64encode(upload.stream.read()).decode()
        decoded[name] = {"name": upload.filename or "blob", "content": content}
    return decoded


def _path(name: str) -> list[str]:
    head, bracket, rest = name.partition("[")
    if not bracket:
        return [head]
    parts = _PART.findall("[" + rest)
    if not head or "[" + rest != "".join(f"[{part}]" for part in parts):
        raise InvalidRequest(f"Invalid parameter name: {name}", param=name)
    return [head, *parts]


def _put(root: dict[str, Any], path: list[str], value: str, name: str) -> None:
    node = root
    for part in path[:-1]:
        # "[]" appends: each unnamed part gets the next free index
        key = part if part else str(len(node))
        child = node.setdefault(key, {})
        if not isinstance(child, dict):
            raise InvalidRequest(f"Invalid parameter: {name} is given both as a value and as a group.", param=name)
        node = child
    last = path[-1] if path[-1] else str(len(node))
    if isinstance(node.get(last), dict):
        raise InvalidRequest(f"Invalid parameter: {name} is given both as a value and as a group.", param=name)
    node[last] = value


def _collapse(node: Any) -> Any:
    """Turn groups whose names are 0, 1, 2 … into lists."""
    if not isinstance(node, dict):
        return node
    values = {key: _collapse(value) for key, value in node.items()}
    if values and all(key.isdigit() for key in values):
        return [values[key] for key in sorted(values, key=int)]
    return values
