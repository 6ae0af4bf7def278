# Everything a newcomer and CI need; `make` alone lists it. Works with GNU make 3.81 and later.
# Paths are relative, so that a folder with spaces in its name is no problem.

PYTHON ?= python3
PY := .venv/bin/python
PORT ?=
ROOMS := config operations ledger payments payouts reconciliation sandbox
SOURCES := $(ROOMS) tests tools $(wildcard benchmarks) manage.py

# Values that only let production settings load; no server is asked and none of them opens anything.
PRODUCTION := COUNTERFOIL_ENV=production DEBUG=false \
	SECRET_KEY=$$($(PY) -c 'import secrets; print(secrets.token_urlsafe(64))') \
	DATABASE_URL=postgresql://counterfoil@db.example/counterfoil BROKER_URL=amqp://broker.example// \
	ALLOWED_HOSTS=pay.example PUBLIC_URL=https://pay.example \
	STRIPE_API_KEY=sk_live_not_a_key STRIPE_WEBHOOK_SECRET=whsec_not_a_secret_but_as_long_as_one

.DEFAULT_GOAL := help
.PHONY: help run demo replay reset test matrix fuzz storm check fmt bench lock reinstall types imports runtime development python

help: ## this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

run: runtime ## start everything, play a day of trade, stay up until Ctrl-C (PORT=8000)
	@$(PY) manage.py dev --play $(if $(PORT),--port "$(PORT)")

demo: runtime ## play a day of 200 orders, print the report, exit 0 only if the books are proved
	@$(PY) manage.py dev --quiet --then "play_day --orders 200 --report" $(if $(PORT),--port "$(PORT)")

replay: runtime ## play real orders: ORDERS=orders.csv ITEMS=order_items.csv [ARGS="--limit 100"]
	@test -f "$(ORDERS)" && test -f "$(ITEMS)" || \
		{ echo 'Name both files: make replay ORDERS=orders.csv ITEMS=order_items.csv' >&2; exit 1; }
	@$(PY) manage.py dev --quiet $(if $(PORT),--port "$(PORT)") \
		--then 'replay_orders --orders "$(ORDERS)" --items "$(ITEMS)" $(ARGS)'

reset: python ## forget the embedded state: database, broker, provider, logs
	@$(PYTHON) tools/bootstrap.py reset

test: development ## the tests, on an embedded PostgreSQL (ARGS="-k refund")
	@$(PY) -m pytest -n auto --maxprocesses 4 --dist loadgroup $(ARGS)

matrix: development ## kill money-in at every point × provider fault × webhook mode × moment (CELLS=full, CELLS=each:3/12)
	@COUNTERFOIL_MATRIX="$(or $(CELLS),each)" \
		$(PY) -m pytest -n auto --maxprocesses 4 --dist loadgroup tests/faults/test_matrix.py $(ARGS)

fuzz: development ## every operation of the API with thousands of right and wrong requests (EXAMPLES=1000)
	@COUNTERFOIL_FUZZ="$(or $(EXAMPLES),1000)" \
		$(PY) -m pytest -n auto --maxprocesses 4 --dist loadgroup --timeout 3600 tests/api/test_contract.py $(ARGS)

storm: development ## everybody does everything at once to a few payments, for SECONDS=300 from SEED=1
	@COUNTERFOIL_STORM="$(or $(SECONDS),300):$(or $(SEED),1)" \
		$(PY) -m pytest -n 0 --timeout 7200 tests/storm $(ARGS)

check: development ## what CI checks: style, types, imports, migrations, settings, tidiness
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	@$(MAKE) --no-print-directory types imports
	@# Without a database the history cannot be compared, and Django warns that it was not.
	COUNTERFOIL_ENV=test $(PY) -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
	@echo manage.py check --deploy --fail-level WARNING
	@$(PRODUCTION) $(PY) manage.py check --deploy --fail-level WARNING
	$(PY) -m pytest tests/tidy

types: development
	$(PY) -m mypy --strict $(SOURCES)

imports: development
	$(PY) -c 'from importlinter.cli import lint_imports_command; lint_imports_command()'

fmt: development ## format the code and fix what can be fixed by itself
	@$(PY) -m ruff check --fix-only .
	@$(PY) -m ruff format .

bench: runtime ## list the benchmarks
	@echo '  make bench-ledger   [ARGS="--rounds 6 --seconds 5 --lines 1000000 10000000"]'
	@echo '  make bench-http     [ARGS="--rounds 6 --seconds 5 --rate 50 --minutes 5 --spike 1200 --spike-seconds 60"]'

bench-%: python
	@$(PYTHON) tools/bootstrap.py bench
	@$(PY) -m benchmarks.$* $(ARGS)

lock: development ## resolve requirements*.in again into requirements*.txt, with hashes
	$(PY) -m uv pip compile --universal --generate-hashes --python-version 3.11 -q requirements.in -o requirements.txt
	$(PY) -m uv pip compile --universal --generate-hashes --python-version 3.11 -q requirements-dev.in -o requirements-dev.txt
	$(PY) -m uv pip compile --universal --generate-hashes --python-version 3.11 -q requirements-bench.in -o requirements-bench.txt

reinstall: ## build the virtual environment again from nothing
	@rm -rf .venv
	@$(MAKE) --no-print-directory runtime

runtime: python
	@$(PYTHON) tools/bootstrap.py runtime

development: python
	@$(PYTHON) tools/bootstrap.py development

python:
	@command -v "$(PYTHON)" >/dev/null || \
		{ echo 'There is no $(PYTHON) here: install Python 3.11 or later, or name one with `make PYTHON=…`.' >&2; exit 1; }
