"""Values for fuzzing: what a schema allows, what it nearly allows, and what nobody should send."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

from config.openapi import document, resolved

HOSTILE_TEXTS = (
    *("", " ", "null", "NaN", "-1", "0", "1e400", "10.00", "0.001", "٣", "𝟙", "a" * 70, "x" * 5_000, "%00", "%s%n"),
    *("' OR 1=1 --", "{{7*7}}", "<script>alert(1)</script>", "../../etc/passwd", "\u202eevil", "\ud7ff", "\u2028"),
    *(
        "4242 4242 4242 4242",
        "https://127.0.0.1/",
        "javascript:alert(1)",
        "2026-02-30T25:61:00Z",
        "9999-12-31T23:59:59Z",
    ),
    *("0001-01-01T00:00:00+23:59", "EUR", "XXX", "whe_x", "ann", "cart-1.ann"),
)
HOSTILE: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(HOSTILE_TEXTS),
    st.none(),
    st.booleans(),
    st.integers(min_value=-(2**70), max_value=2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=40),
    st.lists(st.none() | st.integers() | st.text(max_size=5), max_size=3),
    st.dictionaries(st.text(max_size=8), st.none() | st.integers() | st.text(max_size=5), max_size=3),
)
# What a story has made, so that a right request finds something now and then.
KNOWN = {
    "payment_order_id": ["cart-1.ann", "cart-2.ann"],
    "checkout_id": ["cart-1", "cart-2", "cart-new"],
    "seller_account": ["ann"],
    "seller_id": ["ann"],
    "currency": ["EUR", "JPY", "BHD"],
    "amount": ["1.00", "0.01", "10.00", "999999999.99"],
    "country": ["DE"],
    "return_url": ["https://shop.example/thanks"],
    "endpoint_id": ["known-endpoint_id", "whe_x"],
    "dispute_id": ["known-dispute_id", "dsp_x"],
    "event_id": ["known-event_id", "evt_x"],
    "refund_id": ["known-refund_id", "rfd_x"],
    "url": ["https://93.184.215.14/hooks"],
    "delivered_at": ["2026-01-05T10:00:00Z"],
    "from": ["2026-01-01"],
    "until": ["2026-12-31"],
}


def right(schema: Any, name: str = "") -> st.SearchStrategy[Any]:
    """Return values that a schema allows, as far as it says."""
    schema = resolved(document(), schema)
    if "allOf" in schema:
        return right(schema["allOf"][0], name)
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kind = schema.get("type")
    if kind == "object":
        return _objects(schema, right)
    if kind == "array":
        return st.lists(right(schema["items"]), min_size=schema.get("minItems", 0), max_size=3)
    if kind == "integer":
        return st.integers(min_value=schema.get("minimum", 0), max_value=schema.get("maximum", 10_000))
    if kind == "boolean":
        return st.booleans()
    known = st.sampled_from(KNOWN[name]) if name in KNOWN else st.nothing()
    if schema.get("format") == "date-time":
        return known | st.datetimes().map(lambda moment: moment.isoformat() + "Z")
    if "pattern" in schema:
        return known | st.from_regex(schema["pattern"], fullmatch=True)
    return known | st.text(min_size=1, max_size=min(schema.get("maxLength", 60), 60))


def wrong(schema: Any, name: str = "") -> st.SearchStrategy[Any]:
    """Return values of which any part may be hostile."""
    schema = resolved(document(), schema)
    if schema.get("type") == "object":
        return HOSTILE | _objects(schema, wrong)
    if schema.get("type") == "array":
        return HOSTILE | st.lists(wrong(schema["items"]), max_size=3)
    return HOSTILE | right(schema, name)


@st.composite
def almost(draw: Any, example: Any) -> Any:
    """Return an example, as it is or with one of its values hostile."""
    copy = deepcopy(example)
    places = list(_places(copy))
    if places and draw(st.booleans()):
        holder, name = draw(st.sampled_from(places))
        holder[name] = draw(HOSTILE)
    return copy


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    names: Any = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for name in names:
        yield value, name
        yield from _places(value[name])


def _objects(schema: Any, of: Any) -> st.SearchStrategy[Any]:
    required = set(schema.get("required", ()))
    fields = {name: of(inner, name) for name, inner in schema.get("properties", {}).items()}
    return st.fixed_dictionaries(
        {name: field for name, field in fields.items() if name in required},
        optional={name: field for name, field in fields.items() if name not in required},
    )
