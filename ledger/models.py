"""The tables of the books. Rows are written by the posting function only, and never changed."""

from django.db import models

from ledger.chart import AccountType
from ledger.money import MinorMoney


class Account(models.Model):
    """One account of the chart in one currency, opened by its first posting."""

    code = models.TextField()
    currency = models.CharField(max_length=3)
    type = models.TextField(choices=[(kind.value, kind.value) for kind in AccountType])
    guarded = models.BooleanField(help_text="its balance is stored, and the database refuses to let it go below zero")
    opened_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["code", "currency"], name="account_unique_code_currency"),
            # What a line's composite foreign key points at: its currency is its account's.
            models.UniqueConstraint(fields=["id", "currency"], name="account_unique_id_currency"),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.currency}"


class Balance(models.Model):
    """The stored balance of a guarded account, on its normal side."""

    account = models.OneToOneField(Account, on_delete=models.PROTECT, primary_key=True)
    balance_minor = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(name="balance_not_negative", condition=models.Q(balance_minor__gte=0)),
        ]

    def __str__(self) -> str:
        return f"{self.account_id}: {self.balance_minor}"


class JournalEntry(models.Model):
    """One business event in the books: a balanced set of lines, written once."""

    recipe = models.TextField()
    reference = models.TextField(help_text="the provider's object id, or our own")
    subject = models.TextField(blank=True, help_text="what it is about, as kind:id")
    description = models.TextField(blank=True)
    actor = models.TextField()
    business_date = models.DateField(help_text="the open day it was booked into")
    value_date = models.DateField(help_text="the day the money moved in the outside world")
    line_count = models.PositiveSmallIntegerField(help_text="fixed when the entry is written")
    digest = models.BinaryField(help_text="of its lines, to tell a repetition from a contradiction")
    recorded_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "journal entries"
        constraints = [models.UniqueConstraint(fields=["recipe", "reference"], name="entry_unique_recipe_reference")]
        indexes = [
            models.Index(fields=["subject"], name="entry_by_subject"),
            models.Index(fields=["business_date"], name="entry_by_business_date"),
        ]

    def __str__(self) -> str:
        return f"{self.recipe} {self.reference}"


class JournalLine(models.Model):
    """One debit (positive) or credit (negative) on one account."""

    entry = models.ForeignKey(JournalEntry, on_delete=models.PROTECT, related_name="lines")
    position = models.PositiveSmallIntegerField()
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="lines")
    currency = models.CharField(max_length=3)
    amount_minor = models.BigIntegerField(help_text="debit positive, credit negative")
    item = models.TextField(blank=True, help_text="the open item it belongs to")
    balance_after_minor = models.BigIntegerField(null=True, help_text="of a guarded account, on its normal side")

    amount = MinorMoney("amount_minor")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["entry", "position"], name="line_unique_entry_position"),
            models.CheckConstraint(name="line_not_zero", condition=~models.Q(amount_minor=0)),
        ]
        indexes = [
            models.Index(fields=["account", "id"], name="line_by_account"),
            models.Index(fields=["item"], name="line_by_item", condition=~models.Q(item="")),
        ]

    def __str__(self) -> str:
        return f"{self.entry_id}/{self.position}"


class ClosedDay(models.Model):
    """A business day that is locked: nothing can be booked into it or before it any more."""

    business_date = models.DateField(primary_key=True)
    closed_by = models.TextField()
    closed_at = models.DateTimeField()
    entries = models.PositiveBigIntegerField(help_text="journal entries up to and including this day")
    digest = models.TextField(help_text="SHA-256 over those entries, so that the locked past can be checked")

    def __str__(self) -> str:
        return str(self.business_date)


class Proof(models.Model):
    """One run of verify_books, and what it found."""

    green = models.BooleanField()
    findings = models.JSONField(default=list)
    entries = models.PositiveBigIntegerField()
    ran_at = models.DateTimeField()
    duration_ms = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{'green' if self.green else 'RED'} at {self.ran_at:%Y-%m-%d %H:%M}"
