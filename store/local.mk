noinst_LIBRARIES += libstore.a
libstore_a_SOURCES = \
	store/artifacts.c store/artifacts.h store/artifacts_internal.h \
	store/live_log.c \
	store/packed_log.c store/packed_log.h \
	store/queue.c store/queue.h store/queue_lua.h \
	store/redis_connection.c store/redis_connection.h \
	store/redis_server.c store/redis_server.h \
	store/warehouse.c store/warehouse.h store/warehouse_internal.h \
	store/warehouse_bisections.c \
	store/warehouse_boxes.c \
	store/warehouse_costs.c \
	store/warehouse_jobs.c \
	store/warehouse_results.c
nodist_libstore_a_SOURCES = store/queue_lua.c
EXTRA_DIST += store/queue.lua
CLEANFILES += store/queue_lua.c

# The Redis functions as a C string.  A source, not a header: its object's rule makes it when needed, so nothing has to be built first.
store/queue_lua.c: $(srcdir)/store/queue.lua
	$(AM_V_GEN)$(MKDIR_P) store && { \
		echo '/* Made from store/queue.lua. */' && \
		echo '#include "store/queue_lua.h"' && \
		echo && \
		echo 'const char queue_lua[] =' && \
		sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/	"/' -e 's/$$/\\n"/' $(srcdir)/store/queue.lua && \
		echo '	;'; \
	} >$@.tmp && mv -f $@.tmp $@
