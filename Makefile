# Untwist, the top of the tree. `make help` lists what can be made.

STAGES := $(sort $(wildcard 0[1-6]-*))
BUILD  ?= build
# `make 03-reactor test` runs the tests of that chapter, as ONLY=03 does.
ONLY   ?= $(filter $(STAGES),$(MAKECMDGOALS))

SOURCES  := $(wildcard 0[1-6]-*/*/*.[ch] \
                       tests/*/*.[ch])
SCRIPTS  := .ci/run $(filter-out %.c %.h %.bash %.awk %.css, \
                       $(wildcard tests/tools/*)) \
            $(wildcard tests/*/*.bash tests/*/*.bats)

export BUILD

##@ Everyday
all: $(STAGES) ## build every stage (the default); `make 02-select` builds one

# Before a test, what is up to date is not worth a line.
$(STAGES):
	@$(MAKE) --no-print-directory $(if $(filter test proof,$(MAKECMDGOALS)),-s) -C $@

demo: ## the guided tour: play the session of every chapter
	@echo 'What is not built yet is built first. DEMO_PAUSE=2 makes every pause twice'
	@echo 'as long, DEMO_PAUSE=0 none.'
	@$(MAKE) --no-print-directory all $(if $(V),,> /dev/null)
	@tests/tools/book demo $(addsuffix /README.md,$(STAGES))
	@echo 'Read on: 01-blocking/README.md, or make book and read it in a browser.'

test: bats all ## every behaviour and every text, in two minutes; ONLY=03 one chapter's
	@$(MAKE) --no-print-directory -s -C tests test ONLY='$(ONLY)'

proof: bats all ## that, broken copies, sanitizers, injected faults, real peers
	@$(MAKE) --no-print-directory -s -C tests proof ONLY='$(ONLY)'

##@ Reading
diff: ## what a stage changes: make diff STAGE=02-select [PART=net]
	@old=$$(printf '%s\n' $(STAGES) | grep -B1 -x '$(STAGE)' | head -n 1); \
	if [ -z "$$old" ] || [ "$$old" = '$(STAGE)' ]; then \
	    echo "make diff STAGE=02-select (or a later stage)" >&2; exit 2; fi; \
	tests/tools/stage-diff "$$old" '$(STAGE)' $(PART)

book: ## the chapters as pages for a browser, under tests/build/book
	@tests/tools/book-html . tests/build/book
	@echo 'tests/build/book/index.html; in a browser, after make:'
	@echo '  05-deferred/build/examples/web_server -p 8080 -d tests/build/book'
	@echo '  http://127.0.0.1:8080/'

turns: ## a time line of a trace: make -s turns FILE=trace > turns.svg
	@[ -f '$(FILE)' ] || { echo "make -s turns FILE=trace > turns.svg; a trace" \
	    "is what a program says with TRACE=1 on standard error" >&2; exit 2; }
	@awk -f tests/tools/turns.awk '$(FILE)'

exercise: bats ## check your work on an exercise: make exercise N=04-3
	@CC='$(CC)' tests/tools/exercise $(N)

compdb: ## compile_commands.json, for editors
	@{ sep='['; for file in $(wildcard 0[1-6]-*/*/*.c); do \
	    printf '%s\n{"directory":"%s","file":"%s","command":"cc %s %s"}' \
	        "$$sep" "$(CURDIR)/$${file%%/*}" "$${file#*/}" \
	        '-std=c11 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -pedantic -I. -c' \
	        "$${file#*/}"; sep=','; done; printf '\n]\n'; } \
	    > compile_commands.json

##@ Checking
check: format lint warnings ## format, static analysis, shellcheck, warnings

format: # the layout that .clang-format describes
	@clang-format --dry-run -Werror $(SOURCES)

lint: # what cppcheck and shellcheck find
	@for stage in $(STAGES) tests; do \
	    cppcheck --quiet --std=c11 --error-exitcode=1 --inline-suppr \
	        --enable=warning,performance,portability \
	        --suppress=missingIncludeSystem -I $$stage $$stage || exit 1; done
	@shellcheck -x $(SCRIPTS)

warnings: # every compiler that is there, none of them with a warning
	@for cc in gcc clang musl-gcc; do \
	    command -v $$cc > /dev/null || { echo "$$cc: not here"; continue; }; \
	    for stage in $(STAGES) tests tests/bench tests/fuzz; do \
	        $(MAKE) -s -C $$stage CC=$$cc CFLAGS='-O2 -g -Werror' \
	            BUILD=build/$$cc || exit 1; done; done

sanitize: bats ## every behaviour under address and undefined-behaviour sanitizers
	@$(MAKE) --no-print-directory -s -C tests sanitize ONLY='$(ONLY)'

fuzz: ## made-up input for each parser, FUZZ_SECONDS (60) each, by AFL++
	@$(MAKE) --no-print-directory -s -C tests/fuzz run

bench: all ## what a message, a connection, a timer, an idle server cost
	@$(MAKE) --no-print-directory -s -C tests/bench run

valgrind: bats all ## every behaviour under valgrind's memcheck (slow)
	@DEADLINE=60 UNDER='valgrind -q --error-exitcode=99' \
	    $(MAKE) --no-print-directory -s -C tests test ONLY='$(ONLY)'

clean: ## remove everything that make made
	@for folder in $(STAGES) tests; do \
	    $(MAKE) --no-print-directory -s -C $$folder clean; done
	@rm -f compile_commands.json

help: ## this list
	@awk -F ' ## ' '/^##@/ { print "\n" substr($$0, 5) } \
	    /^[a-z]+:.* ## / { sub(/:.*/, "", $$1); printf "  make %-10s %s\n", $$1, $$2 }' \
	    Makefile

bats:
	@command -v bats > /dev/null || { echo "The tests need bats: apt-get" \
	    "install -y bats (Debian, Ubuntu), or https://bats-core.readthedocs.io" >&2; \
	    exit 1; }

.PHONY: all $(STAGES) demo test proof diff book turns exercise compdb check format lint warnings \
        sanitize fuzz bench valgrind clean help bats
