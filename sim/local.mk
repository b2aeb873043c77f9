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
