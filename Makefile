# billd: one Makefile, all output under build/.  `make help` lists the targets.

V ?= release
O := build/$(V)

CC_fuzz := clang
CC := $(or $(CC_$(V)),gcc)
PACKAGES := jansson rdkafka libmicrohttpd libsodium libpq icu-i18n
STD := -std=c17 -D_GNU_SOURCE
WARN := -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wpointer-arith -Wcast-qual -Wwrite-strings -Wvla -Wformat=2 -Wundef \
	-Wswitch-enum -Werror
# The OpenSSF hardening flags, as far as this compiler knows them for this machine.
known = $(shell $(CC) $(1) -E -x c /dev/null >/dev/null 2>&1 && echo $(1))
HARDEN := -fno-common -fstack-protector-strong -fPIE -fno-delete-null-pointer-checks \
	-fno-strict-overflow -fno-strict-aliasing $(foreach flag,-fstack-clash-protection \
	-fcf-protection=full -ftrivial-auto-var-init=zero -fstrict-flex-arrays=3,$(call known,$(flag)))
MODE_debug := -O1 -g
MODE_release := -O2 -g -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
MODE_asan := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
MODE_tsan := -O1 -g -fsanitize=thread
# gcc gives the warnings: clang has others, also about what librdkafka's macros make.
MODE_fuzz := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer -w
MODE_coverage := -O0 -g --coverage
MODE_chaos := -O2 -g -DBILLD_CRASH_POINTS
CFLAGS := $(STD) $(WARN) $(HARDEN) $(MODE_$(V)) $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null) -I.
LDFLAGS := -pie -Wl,-z,relro,-z,now,-z,noexecstack,-z,nodlopen $(filter -fsanitize% --coverage,$(MODE_$(V)))
# avro-c's pkg-config file asks for its static dependencies; the shared library brings its own.
LDLIBS := $(shell pkg-config --libs $(PACKAGES) 2>/dev/null) -lavro -lpthread -lm

COMMON := $(wildcard common/*/*.c)
API := $(wildcard api/*.c api/*/*.c)
WORKER := $(wildcard worker/*.c)
CLI := $(wildcard cli/*.c)
PROGRAMS := $(O)/billd-api $(O)/billd-worker $(O)/billd
FUZZERS_ALL := $(filter-out planted,$(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c)))
FUZZERS := $(FUZZERS_ALL)
$(foreach name,$(filter-out $(FUZZERS_ALL),$(FUZZERS)),$(error there is no fuzzer $(name); there are: $(FUZZERS_ALL)))
UNITS := $(patsubst tests/unit/%.c,$(O)/unit/%,$(wildcard tests/unit/test_*.c))
# So that ThreadSanitizer knows librdkafka's threads.
THREADS := $(if $(filter tsan,$(V)),$(O)/tests/unit/c11_threads.o)
objects = $(patsubst %.c,$(O)/%.o,$(1))
LIBRARY := $(O)/common.a

.PHONY: all help deps build objects
all: $(PROGRAMS)

help:
	@sed -n 's/^#: //p' Makefile

#: make              build the three programs into build/release (V=debug|asan|tsan|coverage for others)
#: make deps         install what is missing of the packages
#: make run          the stack, with the example flow of the README played on it
#: make up, down     the stack without the flow; its clean stop
#: make wipe         stop it and remove its state
#: make test         everything that CI runs
#: make unit         unit tests: UNIT_SEED
#: make integration  tests against real servers
#: make oracle       the billing rules, computed again in Python: ORACLE_SEED, ORACLE_CASES
#: make chaos        load, faults, and a judge: docs/chaos.md; CHAOS_SEED, CHAOS_FAULTS, CHAOS_SECONDS
#: make asan         the unit tests under address and undefined-behaviour sanitizers
#: make alloc        the unit tests with each of our allocations failing
#: make valgrind     the unit tests under memcheck
#: make tsan         those of threads under the thread sanitizer
#: make fuzz         fuzzers of what strangers send: FUZZ_SECONDS=60 each, two side by side; FUZZERS="avro text" for some
#: make bench        speed and memory, each figure beside its limit; build/bench.json
#: make lint         format and static analysis, and the rules of the architecture
#: make fmt          lay the C out as lint wants it

$(LIBRARY): $(call objects,$(COMMON)) $(O)/gen/embedded_schemas.o $(O)/gen/embedded_migrations.o
	@rm -f $@
	@ar rcs $@ $^

$(O)/billd-api: $(call objects,$(API)) $(O)/gen/embedded_docs.o $(LIBRARY)
$(O)/billd-worker: $(call objects,$(WORKER)) $(LIBRARY)
$(O)/billd: $(call objects,$(CLI)) $(LIBRARY)
# The operator's command alone asks the API; the daemons need not load what that takes.
$(O)/billd: LDLIBS += $(shell pkg-config --libs libcurl 2>/dev/null)
$(PROGRAMS): $(THREADS)
	@echo "  LINK $@"
	@$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(O)/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "  CC   $<"
	@$(CC) $(CFLAGS) -MMD -MP -c $< -o $@

-include $(shell find $(O) -name '*.d' 2>/dev/null)

# Files that the programs carry.
SCHEMA_FILES := $(sort $(wildcard schemas/actions/*.avsc schemas/commands/*.avsc schemas/events/*.avsc schemas/released/*/*/*.avsc))
MIGRATION_FILES := $(sort $(wildcard migrations/*.sql))
SWAGGER := build/swagger-ui
SWAGGER_FILES := $(addprefix $(SWAGGER)/,swagger-ui.css swagger-ui-bundle.js favicon-32x32.png)
DOCS_FILES := $(sort $(wildcard api/docs/*)) $(SWAGGER_FILES)

$(O)/gen/embedded_schemas.c: $(SCHEMA_FILES)
	@mkdir -p $(@D)
	@sh common/base/embed.sh schemas "" $(SCHEMA_FILES) > $@
$(O)/gen/embedded_migrations.c: $(MIGRATION_FILES)
	@mkdir -p $(@D)
	@sh common/base/embed.sh migrations migrations/ $(MIGRATION_FILES) > $@
$(O)/gen/embedded_docs.c: $(DOCS_FILES)
	@mkdir -p $(@D)
	@sh common/base/embed.sh docs "" $(DOCS_FILES) > $@
$(O)/gen/%.o: $(O)/gen/%.c Makefile
	@$(CC) $(CFLAGS) -c $< -o $@
.PRECIOUS: $(O)/gen/%.c

$(SWAGGER_FILES) &: api/swagger-ui.txt
	@sh api/swagger-ui.sh api/swagger-ui.txt $(SWAGGER)

# Unit tests: one program for each file, linked with all of ours but main().  There our allocations can be made to fail
# (tests/unit/alloc_failures.h); a library's and the tests' own cannot.  Not qs, which replaces: files of two folders may have one name.
FAILING := $(foreach name,malloc calloc realloc strdup,--redefine-sym $(name)=alloc_failures_$(name))
$(O)/unit/tested.a: $(call objects,$(filter-out %/main.c,$(API) $(WORKER) $(CLI))) $(O)/gen/embedded_docs.o $(LIBRARY)
	@mkdir -p $(@D)
	@rm -f $@
	@cp $(LIBRARY) $@.new
	@ar q $@.new $(filter %.o,$^) 2>/dev/null
	@ar s $@.new
	@objcopy $(FAILING) $@.new $@
	@rm -f $@.new

UNIT_OBJECTS := $(O)/tests/unit/alloc_failures.o $(THREADS)
.SECONDARY: $(UNIT_OBJECTS)
$(O)/unit/%: tests/unit/%.c $(UNIT_OBJECTS) $(O)/unit/tested.a
	@mkdir -p $(@D)
	@echo "  TEST $@"
	@$(CC) $(CFLAGS) -MMD -MP -MF $@.d $(LDFLAGS) -Wl,--wrap=_exit -o $@ $(filter %.c %.o %.a,$^) $(LDLIBS) \
		$(shell pkg-config --libs check)

# Fuzzers: the same, by clang (V=fuzz).
$(O)/fuzz/sse: $(O)/cli/sse.o
$(O)/fuzz/%: tests/fuzz/%.c $(call objects,$(filter-out %/main.c,$(API) $(WORKER))) $(O)/gen/embedded_docs.o $(LIBRARY)
	@mkdir -p $(@D)
	@echo "  FUZZ $@"
	@$(CC) $(CFLAGS) -MMD -MP -MF $@.d $(LDFLAGS) -fsanitize=fuzzer -o $@ $(filter %.c %.o %.a,$^) $(LDLIBS)

# The stack on this machine, and what is tried on it.
.PHONY: deps up down wipe run integration test unit asan alloc valgrind tsan
deps:
	@deploy/deps.sh

up:
	@deploy/deps.sh build run
	@$(MAKE) --no-print-directory -j2 all
	@deploy/local.sh up

down wipe:
	@deploy/local.sh $@

run: up
	@deploy/example.sh

# What CI runs.  Each stage is a target of its own, and STAGES="lint unit" runs these alone.
STAGES := lint unit asan alloc valgrind tsan oracle fuzz integration
test:
	@deploy/deps.sh
	@$(MAKE) --no-print-directory -j2 all
	@set -e; for stage in $(STAGES); do $(MAKE) --no-print-directory -j2 $$stage; done

# Side by side, each process with a stack of its own and whole files; those that take longest come first.
INTEGRATION_LANES := 3
INTEGRATION_FIRST := tests/chaos $(patsubst %,tests/integration/test_%.py,simulation due_faults billing_run_faults billing_run_mass)
integration: all
	@$(MAKE) --no-print-directory $(if $(findstring -j,$(MAKEFLAGS)),,-j2) V=chaos all
	@tests/integration.sh -n $(INTEGRATION_LANES) --dist loadfile --no-loadscope-reorder $(INTEGRATION_FIRST) tests/interop tests/integration

.PHONY: chaos
chaos:
	@deploy/deps.sh build run test chaos
	@$(MAKE) --no-print-directory -j2 V=chaos all
	@tests/chaos.sh

unit: $(UNITS)
	@tests/unit/run.sh $(UNITS)

asan:
	@$(MAKE) --no-print-directory V=asan unit

# The rules as a shared library, which tests/oracle compares with its own.
.PHONY: oracle
ORACLE_LIBRARY := build/oracle/libbilld_domain.so
ORACLE_SOURCES := $(wildcard common/domain/*.c common/zone/*.c tests/oracle/*.c) \
	$(patsubst %,common/base/%.c,check civil decimal err instant str uuid)
oracle: $(ORACLE_LIBRARY)
	@tests/oracle.sh

$(ORACLE_LIBRARY): $(ORACLE_SOURCES:%.c=build/oracle/%.o)
	@echo "  LINK $@"
	@$(CC) -shared -Wl,-z,defs,-z,relro,-z,now,-z,noexecstack -o $@ $^ -lpthread

build/oracle/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "  CC   $< (shared)"
	@$(CC) $(filter-out -fPIE,$(CFLAGS)) -fPIC -MMD -MP -c $< -o $@

-include $(ORACLE_SOURCES:%.c=build/oracle/%.d)

# Tables of pure functions, thousands of rows long: no allocation of theirs can fail, no memory is wild.
PURE := address api_key assessment assessment_laws assessment_tax base64url bill calendar calendar_place charge closing command coupon
PURE += credit_note credit_note_laws decimal deferral err header hourly id instant invoice invoice_digest iso journal layout lifecycle lifecycle_change
PURE += database_clock lifecycle_create lifecycle_laws lifecycle_pause log migrate money password payment plan problem progress proration rating rating_laws
PURE += organisation_settings preview_assess lifecycle_earned earnings invoice_settle
PURE += rating_transaction refusal role route due run_progress run_state signatures signing split standing statements subscription tax uuid wide zone zone_file zone_rule
# Those with more threads than one; most of these are of librdkafka's own broker, which starts dozens for each test.
THREADED := callers consumer duty intake limits payer pool producer publish publish_take ring runner scheduler threads
unit_names = $(filter-out $(1),$(patsubst tests/unit/test_%.c,%,$(wildcard tests/unit/test_*.c)))

# openapi makes its document once, at start, of thousands of small allocations.
alloc:
	@$(MAKE) --no-print-directory V=asan UNIT_ALLOC_FAILURES=1 \
		NAMES="callers limits $(call unit_names,$(PURE) $(THREADED) openapi)" unit-named

# What handlers runs a hundred times over, outcome and handler_changes run once.
valgrind:
	@$(MAKE) --no-print-directory V=release NAMES="$(call unit_names,$(PURE) $(THREADED) handlers)" unit-named \
		WITH="valgrind -q --error-exitcode=99 --leak-check=full --show-leak-kinds=definite \
			--suppressions=tests/unit/valgrind.supp"

tsan:
	@$(MAKE) --no-print-directory V=tsan NAMES="$(THREADED)" unit-named \
		TSAN_OPTIONS=suppressions=tests/unit/tsan.supp

# NAMES: some of the unit tests.
.PHONY: unit-named
unit-named: $(patsubst %,$(O)/unit/test_%,$(NAMES))
	@tests/unit/run.sh $^

.PHONY: fuzz fuzzers
fuzz:
	@$(MAKE) --no-print-directory V=fuzz fuzzers
	@tests/fuzz/run.sh build/fuzz $(FUZZERS)

fuzzers: $(patsubst %,$(O)/fuzz/%,$(FUZZERS) planted)

# Benchmarks: one program for each thing that is measured or compared with; bench.py runs them.
.PHONY: bench bench-programs
BENCHES := bare_http bare_insert bare_produce bare_select fill load publish rate
BENCH_OBJECTS := $(call objects,$(addprefix tests/bench/,bench.c wire.c bare_kafka.c) \
	$(filter-out %/main.c,$(WORKER)))
bench:
	@deploy/deps.sh build run bench
	@$(MAKE) --no-print-directory -j2 all bench-programs
	@tests/bench/run.sh

bench-programs: $(BENCHES:%=$(O)/bench/%)

$(O)/bench/%: $(O)/tests/bench/%.o $(BENCH_OBJECTS) $(LIBRARY)
	@mkdir -p $(@D)
	@echo "  LINK $@"
	@$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)
.SECONDARY: $(BENCHES:%=$(O)/tests/bench/%.o) $(BENCH_OBJECTS)

# ---- Rules that machines hold: tests/lint/run.sh says which.  `make lint RULES="tidy layers"` runs these alone.
.PHONY: lint fmt settings
lint: export LINT_CFLAGS = $(STD) $(WARN) $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null) -I.
lint:
	@+tests/lint/run.sh $(RULES)

fmt:
	@find $(wildcard api cli common worker tests) -name '*.[ch]' -exec clang-format-14 -i {} +
	@tests/venv.sh
	@build/venv/bin/ruff check --quiet --config tests/ruff.toml --fix tests deploy
	@build/venv/bin/ruff format --quiet --config tests/ruff.toml tests deploy

#: make settings     write docs/settings.md from what the programs say
settings: all
	@tests/lint/settings.sh write
