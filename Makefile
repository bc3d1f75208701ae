# make test | coverage | lint | demo | bench | docs: each installs what it needs into .venv, once, and Debian
# packages for the programs that it talks to, where this user may.
#
#   make test TESTS=tests.wire     one folder, module, class or method of the tests
#   make demo PROJECT=dir JOBS=4   the demo with a project of yours
#   make bench BENCH=--quick       the benchmarks with less work
#   make PYTHON=python3.12 ...     another Python

VENV := .venv
BIN := $(VENV)/bin
TESTS ?= tests
REPORTER ?= text
TEST_JOBS ?= $(shell nproc)

BUILD_PACKAGES := gcc g++ make
# The tests speak to real peers: C distcc, Avahi, sshd, a browser, other compilers and build tools.
TEST_PACKAGES := $(BUILD_PACKAGES) avahi-daemon build-essential bubblewrap busybox ccache chromium clang clang-19 cmake curl \
    dbus distcc dpkg-dev fakeroot faketime fish gcc-aarch64-linux-gnu gobjc gobjc++ groff-base iproute2 libclang-rt-dev llvm \
    logrotate meson musl-tools ninja-build openssh-client openssh-server openssl strace systemd tcc tcpdump tmux xinetd zsh
# The messages of this Debian's gcc in other languages.
GCC := $(shell apt-cache depends gcc 2>/dev/null | sed -n 's/^  Depends: \(gcc-[0-9]*\)$$/\1/p')
LOCALE_PACKAGES := $(or $(GCC),gcc-12)-locales
# xinetd's package and openbsd-inetd's do not bear each other: of one, the program is all there is.  So it
# is of prometheus, whose package would run it from the next start of the machine on.
INETD_PACKAGES := libbsd0 libevent-2.1-7 libtirpc3 libwrap0
# What is compiled at installation.
PROGRAMS := twisted_distcc/cli/compiled.c twisted_distcc/execution/sandbox/jail.c
BENCH_PACKAGES := $(BUILD_PACKAGES) bubblewrap cmake distcc dpkg-dev
DEMO_PACKAGES := $(BUILD_PACKAGES) bubblewrap

# What the tests talk to; who may not install it is told, and runs the other tests.
define get_test_packages
tools/debian-packages $(TEST_PACKAGES) $(LOCALE_PACKAGES) $(INETD_PACKAGES) && \
    tools/debian-program openbsd-inetd usr/sbin/inetd $(VENV)/bin/inetd && \
    tools/debian-program prometheus usr/bin/prometheus $(VENV)/bin/prometheus && \
    tools/debian-program $$(apt-cache pkgnames | grep -x promtool || echo prometheus) usr/bin/promtool \
        $(VENV)/bin/promtool && \
    tools/buildbox $(BIN) || \
    echo "Tests that need these will say so."
endef

.PHONY: help test coverage lint demo bench docs changelog clean
.NOTPARALLEL:

help:
	@sed -n '/^#/!q; s/^# \{0,1\}//p' Makefile

# The tests mostly wait for other programs, so each processor runs a part of them.
test: $(VENV)/.with-test
	@$(get_test_packages)
	@tools/for-all-users $(BIN)/python -m twisted.trial --jobs=$(TEST_JOBS) --reporter=$(REPORTER) $(TESTS)

# trial's exit status is that of `make coverage`; the report only tells.
coverage: $(VENV)/.with-test
	@$(get_test_packages)
	@status=0; \
	tools/for-all-users $(BIN)/coverage run -m twisted.trial --reporter=$(REPORTER) $(TESTS) || status=$$?; \
	$(BIN)/coverage report; \
	exit $$status

# All checks run, whichever of them fail.
lint: $(VENV)/.with-lint
	@status=0; \
	for check in "ruff check" "ruff format --check" mypy lint-imports; do \
	    echo "$$check"; $(BIN)/$$check || status=1; \
	done; \
	exit $$status

demo: $(VENV)/.with-demo
	@tools/debian-packages $(DEMO_PACKAGES)
	@$(BIN)/twisted-distcc demo $(if $(PROJECT),--project '$(PROJECT)') $(if $(JOBS),--jobs $(JOBS))

bench: $(VENV)/.with-bench
	@tools/debian-packages $(BENCH_PACKAGES)
	$(BIN)/python -m benchmarks $(BENCH)

docs: $(VENV)/.with-docs
	$(BIN)/sphinx-build -W --keep-going --quiet -b html doc doc/_build/html
	@echo "The pages are in doc/_build/html; begin with index.html."

changelog: $(VENV)/.with-docs
	@$(BIN)/towncrier build --draft --version next

# `demo` is no extra of pyproject.toml: what everybody installs is all it needs.
$(VENV)/.with-demo: EXTRA =
$(VENV)/.with-demo: PACKAGES = $(DEMO_PACKAGES)
$(VENV)/.with-test: PACKAGES = $(TEST_PACKAGES) $(LOCALE_PACKAGES) $(INETD_PACKAGES)
$(VENV)/.with-bench: PACKAGES = $(BENCH_PACKAGES)
$(VENV)/.with-%: EXTRA = $*
$(VENV)/.with-%: pyproject.toml $(wildcard scripts/*) $(PROGRAMS)
	@echo "Installing into $(VENV) what \`make $*\` needs."
	@tools/virtualenv $(VENV) '$(EXTRA)' $(PACKAGES)
	@touch $@

clean:
	rm -rf $(VENV) .coverage _trial_temp* doc/_build
