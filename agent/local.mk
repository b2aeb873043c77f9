noinst_LIBRARIES += libagent.a
libagent_a_SOURCES = \
	agent/agent.c agent/agent.h \
	agent/cgroup.c agent/cgroup.h \
	agent/exchange.c agent/internal.h \
	agent/pack.c agent/pack.h \
	agent/result.c \
	agent/run.c agent/run.h \
	agent/run_log.c \
	agent/sandbox.c agent/sandbox.h \
	agent/sandbox_view.c agent/sandbox_view.h
pkglibexec_PROGRAMS += programs/bisect-box
programs_bisect_box_SOURCES = agent/box_main.c
