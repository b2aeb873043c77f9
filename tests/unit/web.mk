check_PROGRAMS += tests/unit/test_web
TESTS += tests/unit/test_web
tests_unit_test_web_SOURCES = tests/unit/test_web.c
tests_unit_test_web_LDADD = libweb.a $(BASE_LIBS) $(CHECK_LIBS)
tests_unit_test_web_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
