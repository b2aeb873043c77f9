noinst_LIBRARIES += libsearch.a
libsearch_a_SOURCES = \
	search/belief.c \
	search/choose.c \
	search/graph.c search/graph.h \
	search/internal.h \
	search/search.c search/search.h \
	search/state.c \
	search/verdict.c
