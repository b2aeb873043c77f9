sbin_PROGRAMS += programs/bisect-builder
programs_bisect_builder_SOURCES = \
	builder/build.c builder/build.h \
	builder/main.c \
	builder/prepare.c builder/prepare.h
programs_bisect_builder_LDADD = $(AGENT_LIBS)
