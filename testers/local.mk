sbin_PROGRAMS += programs/bisect-tester
programs_bisect_tester_SOURCES = \
	testers/cache.c testers/cache.h \
	testers/container.c \
	testers/kept_stats.c testers/kept_stats.h \
	testers/main.c \
	testers/test.c testers/test.h \
	testers/testbox.h
programs_bisect_tester_LDADD = $(AGENT_LIBS)
