# coldbench. `make` lists what there is to do.
GO      ?= go
BIN     ?= bin/bench
FUZZ    ?= 30s
TOOL    := $(GO) tool -modfile=tools/go.mod
SOURCES := $(shell git ls-files '*.go' '*.mjs' '*.cjs' '*.py' '*.json' '*.css' '*.js' go.mod go.sum 2>/dev/null)

.DEFAULT_GOAL := help
BENCHES := bench-lateness bench-rate bench-stall bench-poisson bench-rows bench-saturated
.PHONY: help run build test race clients vm load bench bench-loadgen $(BENCHES) fuzz lint docs cover golden clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## bench spiky on the built-in Lambda: verdict, table, report in runs/
	$(BIN) spiky

build: $(BIN) ## build bin/bench

$(BIN): $(SOURCES)
	CGO_ENABLED=0 $(GO) build -trimpath -o $@ ./cmd/bench

# A program with the race detector sleeps for a second before it ends; the tests
# start hundreds. Four packages, and four tests of one that allows it, at a time:
# many wait more than they work.
RACE    := GORACE=atexit_sleep_ms=10 $(GO) test -race -vet=off -shuffle=on -p 4 -parallel 4

test: ## all tests, offline, race detector on
	$(RACE) ./...

race: ## all tests three times, race detector on
	$(RACE) -count=3 ./...

clients: ## real clients (AWS CLI, boto3, npm, Go) and runtime clients drive bench emulate; clients/install gets them
	$(GO) test -count=1 -tags clients -timeout 10m ./clients

vm: ## the sandbox's tests on cgroup v2, on amd64 and arm64: in virtual machines of QEMU, which it needs
	sandbox/vm/run

load: ## 1,000 simultaneous cold starts: nothing lost, nothing left
	TEST_COLD_STARTS=1000 $(GO) test -count=1 -timeout 20m -v -run TestManyColdStartsAtOnce ./emulator

bench: ## Go benchmarks of the hot paths
	$(GO) test -run '^$$' -bench . -benchmem ./...

SERIES  ?= lateness,rate,stall,poisson,rows,saturated
RUNS    ?= 5
bench-loadgen: build ## the load generator and its peers against kernel timestamps: SERIES, RUNS; or one: bench-lateness, -rate, -stall, -poisson, -rows, -saturated
	@peers=$$(mktemp -d); \
	for p in github.com/tsenart/vegeta/v12@v12.13.0 fortio.org/fortio@v1.68.0; do \
	  GOBIN=$$peers $(GO) install $$p || echo "cannot install $$p: it is left out"; \
	done; \
	$(GO) run ./loadgen/internal/compare -peers $$peers -bench $(abspath $(BIN)) -series $(SERIES) -runs $(RUNS); \
	status=$$?; rm -rf $$peers; exit $$status

$(BENCHES):
	@$(MAKE) --no-print-directory bench-loadgen SERIES=$(@:bench-%=%)

fuzz: ## every fuzz target for FUZZ (30s) each
	@set -e; for p in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz' || true); do \
	    echo "fuzz $$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZ) $$p; \
	  done; done

lint: ## formatting, vet, golangci-lint (pinned in tools/go.mod)
	$(GO) vet ./...
	$(TOOL) golangci-lint run ./...

docs: build ## run the transcript blocks of README.md and compare
	BENCH=$(abspath $(BIN)) $(GO) test -count=1 -tags docs ./cmd/bench -run TestTranscripts

cover: ## coverage as cover.html
	$(GO) test -coverprofile=cover.out ./...
	$(GO) tool cover -html=cover.out -o cover.html

golden: ## rewrite golden files; read the diff before you commit it
	$(GO) test ./... -update

clean: ## remove what make made (not runs/)
	rm -rf bin cover.out cover.html
