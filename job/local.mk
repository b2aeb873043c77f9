noinst_LIBRARIES += libjob.a
libjob_a_SOURCES = \
	job/error_files.c job/error_files.h \
	job/errorid.c job/errorid.h \
	job/job.c job/job.h \
	job/job_check.c job/job_check.h \
	job/job_defaults.h \
	job/job_print.c \
	job/job_read.c \
	job/normalise.c job/normalise.h \
	job/pattern.c job/pattern.h \
	job/rules.c job/rules.h \
	job/tap.c job/tap.h \
	job/testbox.c
