EXTRA_DIST += tests/fuzz/seeds
# libFuzzer targets: configure with CC=clang --enable-fuzzers.
if FUZZERS
noinst_PROGRAMS += tests/fuzz/fuzz_yaml tests/fuzz/fuzz_job tests/fuzz/fuzz_errorid tests/fuzz/fuzz_error_files tests/fuzz/fuzz_number_finder tests/fuzz/fuzz_rules tests/fuzz/fuzz_lkp_stats
tests_fuzz_fuzz_yaml_SOURCES = tests/fuzz/fuzz_yaml.c
tests_fuzz_fuzz_yaml_LDADD = $(BASE_LIBS)
tests_fuzz_fuzz_yaml_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_job_SOURCES = tests/fuzz/fuzz_job.c
tests_fuzz_fuzz_job_LDADD = $(JOB_LIBS)
tests_fuzz_fuzz_job_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_errorid_SOURCES = tests/fuzz/fuzz_errorid.c
tests_fuzz_fuzz_errorid_LDADD = $(JOB_LIBS)
tests_fuzz_fuzz_errorid_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_error_files_SOURCES = tests/fuzz/fuzz_error_files.c
tests_fuzz_fuzz_error_files_LDADD = $(JOB_LIBS)
tests_fuzz_fuzz_error_files_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_number_finder_SOURCES = tests/fuzz/fuzz_number_finder.c cli/number_finder.c
tests_fuzz_fuzz_number_finder_LDADD = $(JOB_LIBS)
tests_fuzz_fuzz_number_finder_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_rules_SOURCES = tests/fuzz/fuzz_rules.c
tests_fuzz_fuzz_rules_LDADD = $(JOB_LIBS)
tests_fuzz_fuzz_rules_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_lkp_stats_SOURCES = tests/fuzz/fuzz_lkp_stats.c
tests_fuzz_fuzz_lkp_stats_LDADD = $(JOB_LIBS)
tests_fuzz_fuzz_lkp_stats_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
endif
