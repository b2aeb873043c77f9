# Tests of a room are rows of tests/unit/ROOM.mk; each is a program of its own (Check).
if HAVE_CHECK
# What takes longest first: with -j all end together.
include tests/unit/agent.mk
include tests/unit/git.mk
include tests/unit/store.mk
include tests/unit/search.mk
include tests/unit/job.mk
include tests/unit/base.mk
include tests/unit/web.mk
include tests/unit/cli.mk
endif
include tests/fuzz/local.mk
