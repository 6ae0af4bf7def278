"""Manual journals and reversals: what people may write into the books, and how it gets there.

Nothing in the books is ever edited. A person drafts a balanced journal, or the mirror of an entry, and submits
it. Within `settings.MANUAL_JOURNAL_LIMIT_MINOR` it is booked at once; above it a second person decides. From the
moment it is submitted its lines are frozen by the database, so that what was looked at is what is booked.
"""
