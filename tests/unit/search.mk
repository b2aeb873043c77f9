SEARCH_TESTS = tests/unit/test_search_graph tests/unit/test_search tests/unit/test_search_bayes tests/unit/test_search_sim \
	tests/unit/test_search_noise tests/unit/test_search_metric \
	tests/unit/test_search_shapes
check_PROGRAMS += $(SEARCH_TESTS)
TESTS += $(SEARCH_TESTS)
tests_unit_test_search_graph_SOURCES = tests/unit/test_search_graph.c
tests_unit_test_search_graph_LDADD = $(SEARCH_LIBS) $(CHECK_LIBS)
tests_unit_test_search_graph_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_search_SOURCES = tests/unit/test_search.c
tests_unit_test_search_LDADD = $(SEARCH_LIBS) $(CHECK_LIBS)
tests_unit_test_search_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_search_bayes_SOURCES = tests/unit/test_search_bayes.c tests/unit/rounds.h
tests_unit_test_search_bayes_LDADD = $(SEARCH_LIBS) $(CHECK_LIBS)
tests_unit_test_search_bayes_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_search_sim_SOURCES = tests/unit/test_search_sim.c tests/unit/rounds.h
tests_unit_test_search_sim_LDADD = $(SEARCH_LIBS) $(CHECK_LIBS)
tests_unit_test_search_sim_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_search_noise_SOURCES = tests/unit/test_search_noise.c
tests_unit_test_search_noise_LDADD = $(SEARCH_LIBS) $(CHECK_LIBS)
tests_unit_test_search_noise_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_search_metric_SOURCES = tests/unit/test_search_metric.c
tests_unit_test_search_metric_LDADD = $(SEARCH_LIBS) $(CHECK_LIBS)
tests_unit_test_search_metric_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_search_shapes_SOURCES = tests/unit/test_search_shapes.c
tests_unit_test_search_shapes_LDADD = $(SEARCH_LIBS) $(CHECK_LIBS)
tests_unit_test_search_shapes_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
