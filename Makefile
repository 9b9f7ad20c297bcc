# FirstSight. `make help` explains every target.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

# ONNX Runtime sends no usage data, whoever imports it.
export ORT_DISABLE_TELEMETRY := 1

# Tests compare sums of float32 to the last bit, and OpenBLAS's kernels for AVX2 round small products otherwise: take the
# processor's own, whatever the environment says.
export OPENBLAS_CORETYPE :=

# Real data for tests and results: FIRSTSIGHT_DATA, or ../shared/data where that is there.
ifeq ($(FIRSTSIGHT_DATA),)
ifneq ($(wildcard ../shared/data/.),)
export FIRSTSIGHT_DATA := $(abspath ../shared/data)
endif
endif
HAVE_DATA := $(if $(FIRSTSIGHT_DATA),$(wildcard $(addsuffix /.,$(subst :, ,$(FIRSTSIGHT_DATA)))))
# A browser for the tests of the page.
HAVE_BROWSER := $(shell command -v chromium || command -v chromium-browser || command -v google-chrome || command -v google-chrome-stable)
LEFT_OUT  := $(strip $(if $(HAVE_DATA),,data) $(if $(HAVE_BROWSER),,browser))
SPACE     := $(subst ,, )
SELECT    := $(if $(LEFT_OUT),-m "not $(subst $(SPACE), and not ,$(LEFT_OUT))")

.PHONY: help env demo test check lint types unit pictures results results-glyphs bench bench-training bench-koch bench-embedding bench-store bench-service bench-pixels service-fuzz model-fuzz chaos clean

help:  ## show this help
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 24

env: $(STAMP)  ## make the environment in .venv (Python 3.11 or later, CPU only)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --upgrade pip -c constraints.txt
	$(BIN)/pip install -q -c constraints.txt -e '.[dev]'
	@if $(BIN)/pip list 2>/dev/null | grep -i '^nvidia-'; then echo 'a CUDA build of torch came in; run: make clean, python3 -m venv .venv, .venv/bin/pip install torch --index-url https://download.pytorch.org/whl/cpu, and make again'; exit 1; fi
	@touch $(STAMP)

demo: env  ## learn icons, enroll, identify; then handwriting; writes demo/report.html (no input, about 8 minutes)
	$(BIN)/python -m firstsight.demo

test: env  ## make the environment, then all checks and tests
	@$(MAKE) --no-print-directory check

check: lint types unit  ## all checks and tests, in the environment there is

lint:  ## style and format
	$(BIN)/ruff check src tests results bench
	$(BIN)/ruff format --check src tests results bench

types:  ## mypy --strict
	$(BIN)/mypy

unit:  ## tests (those on real data, and those in a browser, when they are there)
	@$(if $(HAVE_DATA),echo "real data: $(FIRSTSIGHT_DATA)",echo "no real data (set FIRSTSIGHT_DATA): tests marked data are not selected")
	@$(if $(HAVE_BROWSER),echo "a browser: $(HAVE_BROWSER)",echo "no browser (install chromium): tests marked browser are not selected")
	$(BIN)/pytest --numprocesses auto --maxprocesses 4 $(SELECT)

pictures: env  ## the pictures of the page in docs/pictures, taken by its tests
	FIRSTSIGHT_PICTURES=docs/pictures $(BIN)/pytest tests/browser/test_pictures_for_docs.py

results: env  ## the figures of the README but for speed, into results/
	$(BIN)/python results/make.py

results-glyphs: env  ## learn the shipped model again (half an hour), put it in place, and its figures into results/
	$(BIN)/python results/make.py glyphs lake glyphs-verification openset mnist parity int8 cold-start

bench: env  ## speed beside a named rival, into results/
	$(BIN)/python results/bench.py

bench-training: env  ## speed of training beside two rivals in an environment of their own, into results/
	$(BIN)/python results/bench_training.py

bench-koch: env  ## speed of a step of Koch's network beside the same written plainly, into results/
	$(BIN)/python results/bench_koch.py

bench-embedding: env  ## speed, memory and start of embedding beside torch at its best, into results/
	$(BIN)/python results/bench_embedding.py

bench-store: env  ## speed and memory of galleries beside faiss and bare sqlite3, into results/
	$(BIN)/python results/bench_store.py

bench-service: env  ## the service beside the bare cost of its work; half an hour of mixed load; into results/
	$(BIN)/python results/bench_service.py

bench-pixels: env  ## memory of the service while 64 clients send pictures of 24 megapixels, into results/
	$(BIN)/python results/bench_pixels.py

service-fuzz: env  ## 20,000 malformed requests at a running service, into results/
	$(BIN)/python results/fuzz_service.py

chaos: env  ## many processes on one gallery file, killed at random; 300 rounds, an hour and more; into results/
	$(BIN)/python results/chaos.py

model-fuzz: env  ## 2,000 model folders altered at random, into results/
	$(BIN)/python results/fuzz_models.py

clean:  ## remove what make made, the environment included
	rm -rf $(VENV) demo dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
