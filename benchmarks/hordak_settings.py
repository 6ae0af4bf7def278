"""Settings of a Django project that keeps its books with django-hordak, for the comparison only."""

import os

from psycopg.conninfo import conninfo_to_dict

_parts = conninfo_to_dict(os.environ["HORDAK_DATABASE_URL"])

SECRET_KEY = "only-for-a-benchmark"
INSTALLED_APPS = ["django.contrib.contenttypes", "mptt", "hordak"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _parts["dbname"],
        "USER": _parts["user"],
        "PASSWORD": _parts["password"],
        "HOST": _parts["host"],
        "PORT": _parts["port"],
        "CONN_MAX_AGE": None,
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
DEFAULT_CURRENCY = "EUR"
CURRENCIES = ("EUR",)
HORDAK_CURRENCIES = ["EUR"]
