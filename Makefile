# billd: one Makefile, all output under build/.  `make help` lists the targets.

V ?= release
O := build/$(V)

CC := gcc
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
MODE_coverage := -O0 -g --coverage
MODE_chaos := -O2 -g -DBILLD_CRASH_POINTS
CFLAGS := $(STD) $(WARN) $(HARDEN) $(MODE_$(V)) $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null) -I.
LDFLAGS := -pie -Wl,-z,relro,-z,now,-z,noexecstack,-z,nodlopen $(filter -fsanitize% --coverage,$(MODE_$(V)))
# avro-c's pkg-config file asks for its static dependencies; the shared library brings its own.
LDLIBS := $(shell pkg-config --libs $(PACKAGES) 2>/dev/null) -lavro -lpthread -lm

COMMON := $(wildcard common/*/*.c)
API := $(wildcard api/*.c)
WORKER := $(wildcard worker/*.c)
CLI := $(wildcard cli/*.c)
PROGRAMS := $(O)/billd-api $(O)/billd-worker $(O)/billd
UNITS := $(patsubst tests/unit/%.c,$(O)/unit/%,$(wildcard tests/unit/test_*.c))
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
#: make unit         unit tests
#: make integration  tests against real servers
#: make asan         the unit tests under address and undefined-behaviour sanitizers
#: make lint         format and static analysis, and the rules of the architecture
#: make fmt          lay the C out as lint wants it

$(LIBRARY): $(call objects,$(COMMON)) $(O)/gen/embedded_schemas.o $(O)/gen/embedded_migrations.o
	@rm -f $@
	@ar rcs $@ $^

$(O)/billd-api: $(call objects,$(API)) $(O)/gen/embedded_docs.o $(LIBRARY)
$(O)/billd-worker: $(call objects,$(WORKER)) $(LIBRARY)
$(O)/billd: $(call objects,$(CLI)) $(LIBRARY)
$(PROGRAMS):
	@echo "  LINK $@"
	@$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(O)/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "  CC   $<"
	@$(CC) $(CFLAGS) -MMD -MP -c $< -o $@

-include $(shell find $(O) -name '*.d' 2>/dev/null)

# Files that the programs carry.
SCHEMA_FILES := $(sort $(wildcard schemas/commands/*.avsc schemas/events/*.avsc schemas/released/*/*/*.avsc))
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

# Unit tests: one program for each file, linked with everything in common/ and with the pure parts of the programs.
$(O)/unit/%: tests/unit/%.c $(call objects,$(filter-out %/main.c,$(API) $(WORKER))) $(O)/gen/embedded_docs.o $(LIBRARY)
	@mkdir -p $(@D)
	@echo "  TEST $@"
	@$(CC) $(CFLAGS) -MMD -MP -MF $@.d $(LDFLAGS) -o $@ $(filter %.c %.o %.a,$^) $(LDLIBS) $(shell pkg-config --libs check)

# The stack on this machine, and what is tried on it.
.PHONY: deps up down wipe run integration test unit asan tsan
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

# What CI runs.  Each step is a target of its own.
test:
	@deploy/deps.sh
	@$(MAKE) --no-print-directory -j2 all
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory -j2 unit
	@$(MAKE) --no-print-directory -j2 asan
	@$(MAKE) --no-print-directory integration

integration: all
	@tests/integration.sh

unit: $(UNITS)
	@tests/unit/run.sh $(UNITS)

asan:
	@$(MAKE) --no-print-directory V=asan unit

tsan:
	@$(MAKE) --no-print-directory V=tsan unit

# ---- Rules that machines hold: tests/lint/run.sh says which.  `make lint RULES="tidy layers"` runs these alone.
.PHONY: lint fmt settings
lint: export LINT_CFLAGS = $(STD) $(WARN) $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null) -I.
lint:
	@+tests/lint/run.sh $(RULES)

fmt:
	@find $(wildcard api cli common worker tests) -name '*.[ch]' -exec clang-format-14 -i {} +

#: make settings     write docs/settings.md from what the programs say
settings: all
	@tests/lint/settings.sh write
