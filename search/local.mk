noinst_LIBRARIES += libsearch.a
libsearch_a_SOURCES = \
	search/belief.c \
	search/boxes.c \
	search/buildable.c \
	search/choose.c \
	search/graph.c search/graph.h \
	search/internal.h \
	search/metric.c search/metric.h \
	search/model.c search/model.h \
	search/search.c search/search.h \
	search/verdict.c
