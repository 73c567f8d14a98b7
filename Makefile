# Needs Rust, CPython 3.11 or newer, a C compiler and make. Everything else is fetched and built under target/ and .venv/.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
FUZZ_SECONDS ?= 600
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet

RUST_SOURCES   := Cargo.toml Cargo.lock .cargo/config.toml $(shell find crates python/src python/Cargo.toml -name '*.rs' -o -name Cargo.toml)
PYTHON_SOURCES := $(shell find python/package -name '*.py' -o -name '*.pyi' -o -name py.typed) python/pyproject.toml python/README.md

.DEFAULT_GOAL := help
.PHONY: help demo test test-core test-rust test-python test-torch lint build bench bench-language families fuzz clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 20

demo: $(VENV)/.package ## prove a trained CIFAR-10 network on real images, and see lies refused
	$(BIN)/python demo/demo.py

test: test-core test-torch ## run every test, Rust and Python, the PyTorch front included

test-core: test-rust test-python ## run every test that does not need PyTorch

# nextest runs more tests at once and kills what hangs; plain cargo is there on every machine.
test-rust: ## run the Rust tests
	@if cargo nextest --version >/dev/null 2>&1; then \
	    cargo nextest run --workspace --exclude veritorch-python && cargo test --workspace --exclude veritorch-python --doc; \
	else \
	    cargo test --workspace --exclude veritorch-python; \
	fi

test-python: $(VENV)/.package ## run the Python tests that do not need PyTorch, the second verifier's included
	cd python && ../$(BIN)/python -m pytest tests/core
	cd spec && ../$(BIN)/python -m pytest

test-torch: $(VENV)/.package $(VENV)/.torch ## run the tests of the PyTorch front
	cd python && ../$(BIN)/python -m pytest tests/torch

lint: $(VENV)/.package ## check types and style, Rust and Python
	cargo clippy --workspace --all-targets
	cd python && ../$(BIN)/python -m mypy && ../$(BIN)/python -m ruff check . ../demo ../examples
	cd spec && ../$(BIN)/python -m mypy && ../$(BIN)/python -m ruff check .

build: $(VENV)/.package ## build the command line and the Python package in release
	cargo build --release -p veritorch-cli

bench: ## measure the built-in networks and the models in demo/data
	cargo build --release -p veritorch-cli
	for model in mnist-cnn resnet20-cifar resnet18-cifar vgg16-cifar; do \
	    target/release/veritorch bench --model $$model || exit 1; \
	done

bench-language: ## measure language models with random weights: ten minutes, most of them compiling, and 16 GB
	cargo build --release -p veritorch-cli
	for model in gpt2 llama-1.1b; do \
	    target/release/veritorch bench --model $$model --repeat 1 || exit 1; \
	done

families: $(VENV)/.package $(VENV)/.torch ## prove one sample of a model of each family in examples/families
	$(BIN)/python examples/families

fuzz: ## fuzz proof, key, ONNX and TensorFlow Lite bytes, FUZZ_SECONDS each
	fuzz/run $(FUZZ_SECONDS)

clean: ## remove everything that was built
	cargo clean
	rm -rf $(VENV) dist

$(VENV)/.venv: requirements/build.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "error: $(PYTHON) is older than 3.11; name another one: make PYTHON=python3.11 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install -r requirements/build.txt
	@touch $@

$(VENV)/.package: $(VENV)/.venv $(RUST_SOURCES) $(PYTHON_SOURCES)
	rm -rf $(VENV)/wheel
	$(BIN)/maturin build --release --locked --manifest-path python/Cargo.toml --out $(VENV)/wheel
	$(PIP) install --force-reinstall --no-deps $(VENV)/wheel/*.whl
	@touch $@

$(VENV)/.torch: $(VENV)/.venv requirements/torch.txt
	$(PIP) install -r requirements/torch.txt
	@touch $@
