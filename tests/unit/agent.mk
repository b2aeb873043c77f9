check_PROGRAMS += tests/unit/test_agent_sandbox tests/unit/test_agent_pack
TESTS += tests/unit/test_agent_sandbox tests/unit/test_agent_pack
tests_unit_test_agent_sandbox_SOURCES = tests/unit/test_agent_sandbox.c
tests_unit_test_agent_sandbox_LDADD = $(AGENT_LIBS) $(CHECK_LIBS)
tests_unit_test_agent_sandbox_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_agent_pack_SOURCES = tests/unit/test_agent_pack.c testers/cache.c
tests_unit_test_agent_pack_LDADD = $(AGENT_LIBS) $(CHECK_LIBS)
tests_unit_test_agent_pack_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
