noinst_LIBRARIES += libjob.a
libjob_a_SOURCES = \
	job/case_sections.c job/case_sections.h \
	job/error_files.c job/error_files.h \
	job/error_guess.c job/error_guess.h \
	job/error_notes.c job/error_notes.h \
	job/error_naming.c job/error_naming.h \
	job/error_readers.c job/error_readers.h job/extractor.h \
	job/error_test.c \
	job/errorid.c job/errorid.h \
	job/go_cases.c job/go_cases.h \
	job/junit.c job/junit.h \
	job/line_filter.c job/line_filter.h \
	job/metrics.c job/metrics.h \
	job/job.c job/job.h \
	job/job_arguments.c \
	job/job_axes.c job/job_axes.h \
	job/job_check.c job/job_check.h \
	job/job_commit.c job/job_commit.h \
	job/job_defaults.h \
	job/job_expand.c job/job_expand.h \
	job/job_fields.c job/job_fields.h \
	job/job_keys.h \
	job/job_load.c job/job_load.h \
	job/job_lower.c job/job_lower.h \
	job/job_print.c \
	job/job_read.c \
	job/job_template.c job/job_template.h \
	job/lkp_stats.c job/lkp_stats.h \
	job/lockdep.c job/lockdep.h \
	job/log_kinds.c job/log_kinds.h \
	job/normalise.c job/normalise.h \
	job/passed_cases.c job/passed_cases.h \
	job/pattern.c job/pattern.h \
	job/pytest.c job/pytest.h \
	job/rule_literals.c job/rule_literals.h \
	job/rules.c job/rules.h job/rules_internal.h \
	job/rules_read.c \
	job/stats_log.c job/stats_log.h \
	job/suite.c job/suite.h \
	job/tap.c job/tap.h \
	job/testbox.c \
	job/traceback.c job/traceback.h \
	job/unittest.c job/unittest.h \
	job/value.c job/value.h \
	job/value_merge.c \
	job/value_print.c \
	job/yaml_text.c job/yaml_text.h

# The rules of error ids are data: installed, and read from the source tree by programs that are not (job/rules.h).
ERROR_RULES = rules/build.yaml rules/kernel.yaml rules/names.yaml rules/stderr.yaml rules/test.yaml
rulesdir = $(pkgdatadir)/rules
dist_rules_DATA = $(ERROR_RULES)
