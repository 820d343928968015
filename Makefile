# Everything is run through these targets. `make help` lists them.

export GOFLAGS ?= -buildvcs=false
TOOLS  := .cache/tools
SERVERS := .cache/servers
NODE := .cache/node
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
PLUGINS := $(patsubst plugins/%/main.go,%,$(wildcard plugins/*/main.go))

.DEFAULT_GOAL := help
.PHONY: help build run test check lint fmt gen check-gen bench bench-rules fuzz bench-plan crash e2e-s3 e2e-sns e2e-rooms e2e-reload redrive clean servers test-servers

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build the router and the plugins into bin/
	@mkdir -p bin
	go build -trimpath -ldflags '$(LDFLAGS)' -o bin/pointsman ./core/cmd/pointsman
	@for p in $(PLUGINS); do \
		echo "go build -o bin/pointsman-plugin-$$p ./plugins/$$p"; \
		go build -trimpath -ldflags '$(LDFLAGS)' -o bin/pointsman-plugin-$$p ./plugins/$$p || exit 1; \
	done

run: build ## start the router with config.hcl: sample data, mail into data/mail
	@echo
	@echo 'Once it says "ready", type this in a second terminal, in this folder, and read the mail:'
	@echo
	@echo '  bin/pointsman send intdash --action completed --measurement 1a14f158-2a0c-44c7-ace1-e0d21ecc93e9'
	@echo '  cat data/mail/new/*'
	@echo
	@exec bin/pointsman run config.hcl

# The foreign programs that tests run come from Debian, from .tools/node and from .tools/*.mod. A missing one fails the tests that
# need it, unless it is named here: exim and file systems of a test's own need root, who also installs the others, and moto is used
# where it is installed.
POINTSMAN_TEST_WITHOUT ?= $(shell if [ "$$(id -u)" != 0 ]; then printf exim,mount,; for p in strace rclone sqlite3; do command -v $$p >/dev/null || printf $$p,; done; fi; \
	python3 -c 'import moto.server' 2>/dev/null || echo moto)
export POINTSMAN_TEST_WITHOUT
DEBIAN_TOOLS := exim4-daemon-light=4.96* strace=6.1* rclone=1.60* sqlite3=3.40*

# -count=1 turns the test cache off: many tests build and run the programs, and the cache does not see changes in those.
test: test-servers ## run every test, with the race detector
	POINTSMAN_TEST_REQUIRE=1 go test -race -count=1 -timeout 14m ./...

test-servers: servers
	@[ -z "$$POINTSMAN_TEST_WITHOUT" ] || echo "left out of the tests: $$POINTSMAN_TEST_WITHOUT"
	@if [ "$$(id -u)" = 0 ] && ! { [ -x /usr/sbin/exim4 ] && command -v strace && command -v rclone && command -v sqlite3; } >/dev/null; then \
		echo 'installing $(DEBIAN_TOOLS) (Debian) for the tests'; \
		apt-get update -q >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $(patsubst %,'%',$(DEBIAN_TOOLS)) >/dev/null; \
	fi

servers: $(SERVERS)/minio $(SERVERS)/versitygw $(NODE)/installed ## get the foreign servers and clients that tests run against, once

$(SERVERS)/minio: .tools/minio.mod
	go build -modfile=.tools/minio.mod -ldflags '-s -w' -o $@ github.com/minio/minio

$(SERVERS)/versitygw: .tools/versitygw.mod
	go build -modfile=.tools/versitygw.mod -ldflags '-s -w' -o $@ github.com/versity/versitygw/cmd/versitygw

# sns-validator is Amazon's own verifier of SNS signatures, serverless-offline-sns an SNS that posts without a signature. Node.js 22 has a
# WebSocket client of its own, wscat is another one; playwright-core drives a browser, which it does not bring.
# serverless-offline is an API Gateway, dynalite a DynamoDB.
$(NODE)/installed: .tools/node/package.json .tools/node/package-lock.json
	@case ",$$POINTSMAN_TEST_WITHOUT," in *,node,*) exit 0;; esac; \
	if ! command -v npm >/dev/null && [ "$$(id -u)" = 0 ]; then \
		echo 'installing nodejs and npm (Debian) for the tests; POINTSMAN_TEST_WITHOUT=node does without'; \
		apt-get update -q >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends nodejs npm >/dev/null; \
	fi; \
	command -v npm >/dev/null || { echo 'npm is not installed: install Node.js 18 or later, or set POINTSMAN_TEST_WITHOUT=node to leave out the tests that need it' >&2; exit 1; }; \
	mkdir -p $(NODE) && cp $^ $(NODE)/ && (cd $(NODE) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) && touch $@

check: lint check-gen test ## what CI runs

$(TOOLS)/buf: .tools/buf.mod
	go build -modfile=.tools/buf.mod -o $@ github.com/bufbuild/buf/cmd/buf

$(TOOLS)/protoc-gen-go: .tools/protoc-gen.mod
	go build -modfile=.tools/protoc-gen.mod -o $(TOOLS)/ google.golang.org/protobuf/cmd/protoc-gen-go google.golang.org/grpc/cmd/protoc-gen-go-grpc

$(TOOLS)/golangci-lint: .tools/golangci-lint.mod
	go build -modfile=.tools/golangci-lint.mod -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

$(TOOLS)/protoc-gen-connect-go: .tools/protoc-gen-connect.mod
	go build -modfile=.tools/protoc-gen-connect.mod -o $@ connectrpc.com/connect/cmd/protoc-gen-connect-go

# Only the admin API is served with Connect.
CONNECT_TEMPLATE := {"version":"v2","plugins":[{"local":"$(TOOLS)/protoc-gen-connect-go","out":"proto","opt":"paths=source_relative"}]}

GENERATED := proto core/reference/events.binpb core/REFERENCE.md examples/editor

# events.binpb holds the comments of the protos, which the generated Go does not have. The reference needs the router and the plugins,
# because they describe themselves.
gen: $(TOOLS)/buf $(TOOLS)/protoc-gen-go $(TOOLS)/protoc-gen-connect-go ## generate Go from proto/, and the reference from what the programs say
	$(TOOLS)/buf generate
	$(TOOLS)/buf generate --template '$(CONNECT_TEMPLATE)' --path proto/pointsman/admin
	$(TOOLS)/buf build --exclude-imports --path proto/pointsman/v1 -o core/reference/events.binpb
	@mkdir -p out/reference
	go build -o out/reference/pointsman ./core/cmd/pointsman
	@for p in $(PLUGINS); do go build -o out/reference/pointsman-plugin-$$p ./plugins/$$p || exit 1; done
	out/reference/pointsman reference --plugins-dir out/reference --markdown > out/reference/REFERENCE.md
	out/reference/pointsman reference --plugins-dir out/reference --textmate > out/reference/grammar.json
	@mv out/reference/REFERENCE.md core/REFERENCE.md
	@mv out/reference/grammar.json examples/editor/pointsman.tmLanguage.json

check-gen: gen ## fail when the generated Go or the reference is stale
	@git diff --exit-code --stat -- $(GENERATED) || { echo 'generated files are stale: run "make gen" and commit them' >&2; exit 1; }
	@test -z "$$(git ls-files --others --exclude-standard -- $(GENERATED))" || { echo 'generated files are not committed: run "make gen" and commit them' >&2; exit 1; }

# The last commit on main that this tree is not: what users of the protos have.
landed = $(shell main=$$(git rev-parse -q --verify main || git rev-parse -q --verify origin/main); \
	if [ -n "$$main" ] && [ "$$main" != "$$(git rev-parse HEAD)" ]; then echo $$main; else git rev-parse -q --verify HEAD~1 || git rev-parse HEAD; fi)

lint: $(TOOLS)/buf $(TOOLS)/golangci-lint ## buf lint and golangci-lint
	$(TOOLS)/buf lint
	$(TOOLS)/buf breaking --against "$$(git rev-parse --git-common-dir)#ref=$(landed)"
	$(TOOLS)/golangci-lint run ./...

fmt: $(TOOLS)/buf $(TOOLS)/golangci-lint ## format everything
	$(TOOLS)/buf format -w
	$(TOOLS)/golangci-lint fmt ./...

# What trial runs: the router, a plugin that takes everything, the mirror, slack and room-broadcast, apart from bin/.
.PHONY: out/bin
out/bin:
	@mkdir -p out/bin
	go build -trimpath -ldflags '$(LDFLAGS)' -o out/bin/ ./core/cmd/pointsman ./core/trial ./plugins/sdk/plugintest/pointsman-plugin-noop
	for p in s3-mirror slack room-broadcast; do go build -trimpath -ldflags '$(LDFLAGS)' -o out/bin/pointsman-plugin-$$p ./plugins/$$p || exit 1; done

# A program of Debian's, installed when it is missing and the user is root.
debian = @command -v $(1) >/dev/null || { [ "$$(id -u)" = 0 ] && apt-get update -q >/dev/null && apt-get install -qy $(1) >/dev/null; } || { echo '$(1) is not installed: apt-get install $(1)' >&2; exit 1; }

bench: out/bin servers ## journal, deliveries, HTTP, S3 and WebSocket rooms, each beside its baseline in the same run
	$(call debian,wrk)
	$(call debian,rclone)
	go test -run '^$$' -bench 'Append|BareFile' ./core/journal/sqlite
	go test -run '^$$' -bench 'DispatchReal' ./core/dispatch
	out/bin/trial bench
	out/bin/trial bench-s3
	out/bin/trial bench-rooms

FUZZTIME ?= 60s
fuzz: ## run every fuzz target for FUZZTIME (60s), or those in FUZZ=<package>
	@for pkg in $$(grep -rl '^func Fuzz' --include='*_test.go' $(or $(FUZZ),core plugins) | xargs -n1 dirname | sort -u); do \
		for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p' $$pkg/*_test.go); do \
			echo "$$target in $$pkg"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 20x ./$$pkg || exit 1; \
		done; \
	done

bench-rules: ## what an event costs at 10 to 10,000 rules, beside evaluating all of them and beside plain Go; and what they cost to load
	go test -run '^$$' -bench 'Rules|Condition|Load' ./core/rule

bench-plan: out/bin ## how long pointsman plan takes over 1,000,000 recorded events, and how much memory it needs
	out/bin/trial bench-plan

crash: out/bin ## 20 random kills of the router under load; prints acked / delivered / dead / pending / lost
	out/bin/trial crash --kills 20

e2e-s3: out/bin servers ## the S3 mirror under shuffled and doubled notifications, without and with kills; prints the differences
	$(call debian,rclone)
	out/bin/trial e2e-s3
	out/bin/trial e2e-s3 --kills 5

e2e-sns: out/bin ## from a topic of SNS to Slack: 30 messages in a second, kills, hostile certificate URLs; prints the results
	out/bin/trial e2e-sns

# The browser is Debian's newest: the mirror drops older ones with every security update. The run prints its version.
e2e-rooms: out/bin servers ## WebSocket rooms with the page of examples/chat-room in a real browser and with other clients; prints what each received
	$(call debian,chromium-headless-shell)
	@/usr/bin/python3 -c 'import websockets' 2>/dev/null || { [ "$$(id -u)" = 0 ] && apt-get update -q >/dev/null && apt-get install -qy --no-install-recommends 'python3-websockets=10.4*' >/dev/null; } || { echo 'python3-websockets is not installed: apt-get install python3-websockets' >&2; exit 1; }
	out/bin/trial e2e-rooms

e2e-reload: out/bin ## 1,000 reloads of the router under load; prints what was lost, doubled or wrong, and the use of resources
	out/bin/trial e2e-reload

redrive: out/bin ## send 50,000 dead letters again under load; prints how much longer the router takes to accept an event meanwhile
	out/bin/trial redrive

clean: ## remove what was built; data/ stays
	rm -rf bin out
