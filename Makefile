# `make` alone says what there is.
.DEFAULT_GOAL := help
.PHONY: help demo clean-demo test buckets walk-through bench build run openapi screens prerequisites onnxruntime rig kills fuzz

program := $(or $(CARGO_TARGET_DIR),target)/debug/plimsoll

help: ## Say what there is
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-20s %s\n", $$1, $$2}'

demo: build ## The whole main job on a real credit model; leaves the service running
	@examples/credit/demo.sh

clean-demo: ## Stop the demo's service and remove its data
	@examples/credit/demo.sh stop

test: ## Formatting, lints, and the whole suite on SQLite and on PostgreSQL
	@scripts/test.sh

buckets: prerequisites onnxruntime ## The tests of files once more, with the files in a bucket of an S3-compatible server
	@scripts/s3.sh run cargo nextest run -E 'test(blob_stores::) | test(encryption::) | test(main_job::) | test(inference::) | test(upload_sessions::) | test(upload_kills::) | test(transfers::) | test(quotas::)'

screens: prerequisites onnxruntime ## Draw the pages of docs/screens again, in both themes, narrow and on paper
	@scripts/browser.sh >/dev/null
	@SCREENS=docs/screens cargo nextest run -E 'test(browser::)'

rig: prerequisites onnxruntime ## Ten minutes of random actors and kill -9, on both databases; again with RIG_SEED=n, longer with RIG_SECONDS=n
	@RIG_SECONDS=$(or $(RIG_SECONDS),600) cargo nextest run --no-capture -E 'test(rig::)'
	@RIG_SECONDS=$(or $(RIG_SECONDS),600) scripts/postgres.sh run cargo nextest run --no-capture -E 'test(rig::)'

kills: prerequisites onnxruntime ## Kill real workers, and the service while files come, at random points, on both databases; more with KILLS=n, UPLOAD_KILLS=n
	@KILLS=$(or $(KILLS),40) cargo nextest run --no-capture -E 'test(worker_kills::)'
	@KILLS=$(or $(KILLS),40) scripts/postgres.sh run cargo nextest run --no-capture -E 'test(worker_kills::)'
	@UPLOAD_KILLS=$(or $(UPLOAD_KILLS),100) cargo nextest run --no-capture -E 'test(upload_kills::)'
	@UPLOAD_KILLS=$(or $(UPLOAD_KILLS),100) scripts/postgres.sh run cargo nextest run --no-capture -E 'test(upload_kills::)'

fuzz: prerequisites ## Try every reader of files with bytes that nobody thought of, ten minutes each; shorter with FUZZ_SECONDS=n
	@fuzz/run

walk-through: build ## Follow docs/auditing.md word by word, in a temporary folder
	@scripts/walk-through.sh

bench: prerequisites ## Measure against named references and write benches/REPORT.md; one with BENCH=fairness
	@benches/run $(BENCH)

build: prerequisites onnxruntime ## Build the program
	@echo 'building plimsoll (the first time takes some minutes)'
	@cargo build --quiet

run: build ## Run the service; settings go in ARGS, such as ARGS='--listen 127.0.0.1:9000'
	@$(program) serve $(ARGS)

openapi: build ## Write the API document again after the API changed
	@$(program) openapi > openapi/plimsoll.yaml.tmp && mv openapi/plimsoll.yaml.tmp openapi/plimsoll.yaml

prerequisites:
	@scripts/prerequisites.sh

onnxruntime:
	@scripts/fetch-ort.sh >/dev/null
