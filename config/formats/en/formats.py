"""Days the way books write them: the same beside a moment, in a list and in a file."""

DATE_FORMAT = "Y-m-d"
DATETIME_FORMAT = "Y-m-d H:i"
