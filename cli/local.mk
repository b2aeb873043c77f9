# bisectctl: one file (or family of files) a command; a command is a row in cli/main.c.
bin_PROGRAMS += programs/bisectctl
programs_bisectctl_SOURCES = \
	cli/main.c \
	cli/budget.c cli/budget.h \
	cli/errors.c cli/errors.h \
	cli/expand.c cli/expand.h \
	cli/job_input.c cli/job_input.h \
	cli/number_finder.c cli/number_finder.h \
	cli/remote.c cli/remote.h \
	cli/remote_bisect.c \
	cli/remote_call.c cli/remote_call.h \
	cli/show.c cli/show.h \
	cli/run.c cli/run.h \
	cli/run_engine.c cli/run_engine.h \
	cli/run_evidence.c cli/run_evidence.h \
	cli/run_journal.c cli/run_journal.h \
	cli/run_loop.h \
	cli/run_metric.c cli/run_metric.h \
	cli/run_prior.c cli/run_prior.h \
	cli/run_progress.c cli/run_progress.h \
	cli/run_report.c cli/run_report.h \
	cli/run_slots.c \
	cli/run_tree.c cli/run_tree.h
programs_bisectctl_LDADD = libjob.a $(GIT_LIBS) $(PCRE2_LIBS)
