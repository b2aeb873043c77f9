noinst_LIBRARIES += libbase.a
libbase_a_SOURCES = \
	base/banned.h \
	base/child.c base/child.h \
	base/child_guard.c base/child_guard.h \
	base/child_run.c \
	base/child_spawn.c base/child_spawn.h \
	base/clock.c base/clock.h \
	base/error.c base/error.h \
	base/file.c base/file.h \
	base/hash.c base/hash.h \
	base/http_client.c base/http_client.h \
	base/http_request.h \
	base/http_response.c \
	base/http_server.c base/http_server.h \
	base/http_target.c base/http_target.h \
	base/log.c base/log.h \
	base/mem.c base/mem.h \
	base/search_path.c base/search_path.h \
	base/settings.c base/settings.h \
	base/settings_help.c \
	base/settings_table.c base/settings_table.h \
	base/str.c base/str.h \
	base/worker.c base/worker.h \
	base/yaml.c base/yaml.h \
	base/yaml_braces.c base/yaml_braces.h
