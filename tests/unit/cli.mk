check_PROGRAMS += tests/unit/test_cli_budget
TESTS += tests/unit/test_cli_budget
tests_unit_test_cli_budget_SOURCES = tests/unit/test_cli_budget.c cli/budget.c cli/budget.h
tests_unit_test_cli_budget_LDADD = $(BASE_LIBS) $(CHECK_LIBS)
tests_unit_test_cli_budget_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
