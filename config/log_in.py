"""The console's log-in: passwords are guessed slowly there.

A try takes a token of its address and one of the name, before the password is looked at: that is slow on purpose, and
would keep a thread busy for whoever asks. A name has more tokens than one address, so that nobody who guesses at it
from a single place keeps its person out.
"""

from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from unfold.forms import AuthenticationForm

from operations.api.guessing import address_of
from operations.rates import Rate, take
from operations.storefronts import digest_of

KIND = "log-in"
OF_AN_ADDRESS = Rate(per_second=Decimal(6) / 60, burst=10)
OF_A_NAME = Rate(per_second=Decimal(20) / 60, burst=30)


class LogInForm(AuthenticationForm):  # type: ignore[misc]  # unfold has no types
    """Name and password, tried so often and no more."""

    def clean(self) -> Any:
        """Return the cleaned form of a person. Raises ValidationError, the same one for a wrong name and password."""
        name = digest_of(str(self.cleaned_data.get("username", "")).strip().casefold())
        wait = take(client=f"ip:{address_of(self.request)}", kind=KIND, rate=OF_AN_ADDRESS)
        wait = wait or take(client=f"name:{name}", kind=KIND, rate=OF_A_NAME)
        if wait:
            raise ValidationError(f"Too many tries: wait {wait} s, then try again.", code="too_many")
        return super().clean()
