sbin_PROGRAMS += programs/bisectd
programs_bisectd_SOURCES = \
	bisectd/api.c \
	bisectd/api_bisections.c bisectd/api_bisections.h \
	bisectd/api_units.c bisectd/api_units.h \
	bisectd/bisection.c bisectd/bisection.h \
	bisectd/bisection_costs.c \
	bisectd/bisection_earlier.c \
	bisectd/bisection_evidence.c \
	bisectd/bisection_load.c \
	bisectd/bisection_options.c bisectd/bisection_options.h \
	bisectd/bisection_prior.c \
	bisectd/bisection_probe.c \
	bisectd/bisection_report.c \
	bisectd/bisection_request.c \
	bisectd/boxes.c bisectd/boxes.h \
	bisectd/daemon.h \
	bisectd/events.c \
	bisectd/health.c bisectd/health.h \
	bisectd/jobs.c \
	bisectd/live_errors.c bisectd/live_errors.h \
	bisectd/main.c \
	bisectd/standalone.c bisectd/standalone.h \
	bisectd/tokens.c \
	bisectd/units.c
programs_bisectd_LDADD = libweb.a libstore.a libjob.a $(GIT_LIBS) $(HIREDIS_LIBS) $(SQLITE_LIBS) $(ZSTD_LIBS) $(PCRE2_LIBS)
