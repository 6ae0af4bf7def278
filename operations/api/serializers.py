"""Strict input: nothing coerced, nothing unknown, nothing ignored."""

import re
from typing import Any

from django.core.validators import validate_email
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from operations.cards import looks_like_card_number
from operations.texts import CONTROL

_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:\-]{0,63}\Z")
_COUNTRY = re.compile(r"[A-Z]{2}\Z")


class StrictCharField(serializers.CharField):
    """Text that was text in JSON, holds no control characters and no card number; empty only where that is allowed."""

    default_error_messages = {
        "not_text": "This must be a JSON string.",
        "control": "Control characters are not allowed.",
        "card_number": "This looks like a card number; card numbers are never accepted.",
    }

    def __init__(self, **kwargs: Any) -> None:
        # Trimming would store something else than what was sent.
        least = None if kwargs.get("allow_blank") else 1
        super().__init__(trim_whitespace=False, min_length=least, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        """Return the text itself; never text made of a number."""
        if not isinstance(data, str):
            self.fail("not_text")
        if not data.strip():
            self.fail("blank")
        if self.max_length is not None and len(data) > self.max_length:
            # What is refused anyway need not be searched first.
            self.fail("max_length", max_length=self.max_length)
        if CONTROL.search(data):
            self.fail("control")
        if looks_like_card_number(data):
            self.fail("card_number")
        return str(super().to_internal_value(data))


@extend_schema_field({"type": "string", "pattern": r"^[A-Za-z0-9][A-Za-z0-9_.:\-]{0,63}$", "maxLength": 64})
class IdentifierField(StrictCharField):
    """An identifier that a client chose: 1 to 64 letters, digits, `_`, `-`, `.`, `:`."""

    default_error_messages = {
        "identifier": "Use 1 to 64 letters, digits, '_', '-', '.' or ':', beginning with a letter or digit."
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=64, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        """Return the identifier."""
        text = super().to_internal_value(data)
        if not _IDENTIFIER.match(text):
            self.fail("identifier")
        return text


class EmailField(StrictCharField):
    """An e-mail address, as strict as any other text: no control characters, no card number in it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=254, **kwargs)
        self.validators.append(validate_email)


@extend_schema_field({"type": "string", "pattern": "^[A-Z]{2}$", "example": "DE"})
class CountryField(StrictCharField):
    """An ISO 3166 code in two capitals."""

    default_error_messages = {"country": "Give the country as two capital letters, as in DE."}

    def to_internal_value(self, data: Any) -> str:
        """Return the code."""
        text = super().to_internal_value(data)
        if not _COUNTRY.match(text):
            self.fail("country")
        return text


class StrictSerializer(serializers.Serializer[Any]):
    """A serializer that refuses fields it does not know, instead of ignoring them."""

    def to_internal_value(self, data: Any) -> Any:
        """Return validated data. Raises ValidationError naming each unknown field."""
        if isinstance(data, dict):
            unknown = {name: ["This field is not known."] for name in data if name not in self.fields}
            if unknown:
                raise serializers.ValidationError(unknown)
        return super().to_internal_value(data)
