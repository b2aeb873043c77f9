# Test programs that a job.yaml can name: suite.yaml and run, see job/suite.h.
nobase_dist_pkgdata_DATA += \
	suites/boot/suite.yaml suites/boot/run \
	suites/build-kernel/suite.yaml suites/build-kernel/run \
	suites/cmd/suite.yaml suites/cmd/run \
	suites/kselftest/suite.yaml suites/kselftest/run \
	suites/kunit/suite.yaml suites/kunit/run \
	suites/lkp/suite.yaml suites/lkp/run \
	suites/ltp/suite.yaml suites/ltp/run \
	suites/make-check/suite.yaml suites/make-check/run

# Programs that are not installed find them beside themselves.
noinst_DATA += programs/suites
CLEANFILES += programs/suites
programs/suites:
	$(AM_V_GEN)$(MKDIR_P) programs && rm -f $@ && $(LN_S) $(abs_top_srcdir)/suites $@
