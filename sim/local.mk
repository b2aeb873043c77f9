# bisect-sim: bisections played against simulated histories, to measure policies.
noinst_PROGRAMS += programs/bisect-sim
programs_bisect_sim_SOURCES = \
	sim/main.c \
	sim/play.c \
	sim/policy_bayesect.c \
	sim/policy_git.c \
	sim/policy_ksection.c \
	sim/policy_ours.c \
	sim/sim.h \
	sim/world.c
programs_bisect_sim_LDADD = $(SEARCH_LIBS)

# The tables of docs/search.md: make bench-search [BENCH_SEARCH='--trials 4000 --dag FILE']
bench-search: programs/bisect-sim
	BISECT_SIM=$(abs_builddir)/programs/bisect-sim $(srcdir)/tests/bench/search.sh $(BENCH_SEARCH)
EXTRA_DIST += tests/bench/search.sh
.PHONY: bench-search
