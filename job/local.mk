noinst_LIBRARIES += libjob.a
libjob_a_SOURCES = \
	job/error_files.c job/error_files.h \
	job/error_guess.c job/error_guess.h \
	job/error_notes.c job/error_notes.h \
	job/error_readers.c job/extractor.h \
	job/errorid.c job/errorid.h \
	job/junit.c job/junit.h \
	job/line_filter.c job/line_filter.h \
	job/metrics.c job/metrics.h \
	job/job.c job/job.h \
	job/job_check.c job/job_check.h \
	job/job_defaults.h \
	job/job_print.c \
	job/job_read.c \
	job/normalise.c job/normalise.h \
	job/pattern.c job/pattern.h \
	job/rule_literals.c job/rule_literals.h \
	job/rules.c job/rules.h job/rules_internal.h \
	job/rules_read.c \
	job/tap.c job/tap.h \
	job/testbox.c \
	job/traceback.c job/traceback.h

# The rules of error ids are data: installed, and read from the source tree by programs that are not (job/rules.h).
ERROR_RULES = rules/build.yaml rules/kernel.yaml rules/names.yaml rules/stderr.yaml rules/test.yaml
rulesdir = $(pkgdatadir)/rules
dist_rules_DATA = $(ERROR_RULES)
