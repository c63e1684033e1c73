# Everything a developer needs; each target prepares what it uses.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
CODE := config integrations errorqueue mappings

.PHONY: demo test check bench crash crash-matrix crash-planted soak clean

$(VENV)/run.stamp: requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/dev.stamp: requirements-dev.txt $(VENV)/run.stamp
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

demo: $(VENV)/run.stamp
	$(BIN)/python manage.py demo

# Bytecode is kept: each worker, and each process that a test starts, would compile anew.
test: $(VENV)/dev.stamp
	env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -n 3 --dist worksteal $(ARGS)

check: $(VENV)/dev.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy $(CODE)
	$(BIN)/lint-imports
	$(BIN)/djlint --check --lint templates
	$(BIN)/python manage.py makemigrations --check --dry-run
	WAYBILL_PRODUCTION=1 SECRET_KEY=$$($(BIN)/python -c "import secrets; print(secrets.token_urlsafe(64))") \
	WAYBILL_FIELD_KEYS=$$($(BIN)/python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())") \
	ALLOWED_HOSTS=waybill.example.com $(BIN)/python manage.py check --deploy --fail-level WARNING

bench: $(VENV)/run.stamp
	$(BIN)/python -m benchmarks $(if $(ONLY),--only $(ONLY)) $(ARGS)

# A storm of about six minutes; SEED=7 repeats the plan of seed 7.
STORM := $(BIN)/python -m tests.crash
CHOSEN := $(if $(SEED),--seed $(SEED))

crash: $(VENV)/dev.stamp
	$(STORM) storm $(CHOSEN) --minutes 5 --events 5000 --faults 400 --kills 120

soak: $(VENV)/dev.stamp
	$(STORM) storm $(CHOSEN) --minutes 60 --events 200000 --faults 6000 --kills 2000 --orders 0.1 --drain 2400

crash-matrix: $(VENV)/dev.stamp
	$(STORM) matrix $(CHOSEN)

crash-planted: $(VENV)/dev.stamp
	$(STORM) planted $(CHOSEN)

clean:
	rm -rf $(VENV) var .mypy_cache .ruff_cache .pytest_cache
