SEARCH_TESTS = tests/unit/test_search_graph tests/unit/test_search_ends tests/unit/test_search_choice \
	tests/unit/test_search_flights tests/unit/test_search_skips tests/unit/test_search_confirm \
	tests/unit/test_search_belief tests/unit/test_search_fix \
	tests/unit/test_search_bayes tests/unit/test_search_sim tests/unit/test_search_noise tests/unit/test_search_metric \
	tests/unit/test_search_shapes
check_PROGRAMS += $(SEARCH_TESTS)
TESTS += $(SEARCH_TESTS)
tests_unit_test_search_graph_SOURCES = tests/unit/test_search_graph.c
tests_unit_test_search_graph_LDADD = $(SEARCH_LIBS) $(CHECK_LIBS)
tests_unit_test_search_graph_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
SEARCH_FIXTURE = tests/unit/search_fixture.c tests/unit/search_fixture.h
tests_unit_test_search_ends_SOURCES = tests/unit/test_search_ends.c $(SEARCH_FIXTURE)
tests_unit_test_search_ends_LDADD = $(SEARCH_LIBS) $(CHECK_LIBS)
tests_unit_test_search_ends_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_search_choice_SOURCES = tests/unit/test_search_choice.c $(SEARCH_FIXTURE)
tests_unit_test_search_choice_LDADD = $(SEARCH_LIBS) $(CHECK_LIBS)
tests_unit_test_search_choice_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_search_flights_SOURCES = tests/unit/test_search_flights.c $(SEARCH_FIXTURE)
tests_unit_test_search_flights_LDADD = $(SEARCH_LIBS) $(CHECK_LIBS)
tests_unit_test_search_flights_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_search_skips_SOURCES = tests/unit/test_search_skips.c $(SEARCH_FIXTURE)
tests_unit_test_search_skips_LDADD = $(SEARCH_LIBS) $(CHECK_LIBS)
tests_unit_test_search_skips_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_search_confirm_SOURCES = tests/unit/test_search_confirm.c $(SEARCH_FIXTURE)
tests_unit_test_search_confirm_LDADD = $(SEARCH_LIBS) $(CHECK_LIBS)
tests_unit_test_search_confirm_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_search_belief_SOURCES = tests/unit/test_search_belief.c $(SEARCH_FIXTURE)
tests_unit_test_search_belief_LDADD = $(SEARCH_LIBS) $(CHECK_LIBS)
tests_unit_test_search_belief_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_test_search_fix_SOURCES = tests/unit/test_search_fix.c $(SEARCH_FIXTURE)
tests_unit_test_search_fix_LDADD = $(SEARCH_LIBS) $(CHECK_LIBS)
tests_unit_test_search_fix_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
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
