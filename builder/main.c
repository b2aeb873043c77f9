/* bisect-builder: builds commits in a sandbox and uploads what they made. */
#include <stddef.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "builder/build.h"
#include "git/mirror.h"

#define AT(field) offsetof(struct builder_values, field)
static const struct setting settings[] = {
	AGENT_SETTINGS_SERVER,
	AGENT_SETTINGS_STATE("/var/lib/bisect-builder",
		"Work trees, compiler caches and runs in progress; all of it can be made again."),
	{ "mirrors-dir", 0, SETTING_STRING, AT(mirrors_dir), "DIR", NULL, 0, 0,
		"Bare mirrors of repositories, shared with others on this host; default: mirrors in the state "
		"directory.", false },
	{ "local-repositories", 0, SETTING_FLAG, AT(local_repositories), NULL, NULL, 0, 0,
		"Jobs may name repositories by absolute path or file://.", false },
	AGENT_SETTINGS_SANDBOX("4g"),
	{ "ccache", 0, SETTING_FLAG, AT(ccache), NULL, "yes", 0, 0,
		"Use ccache where it is installed, with one cache a repository.", false },
	{ "ccache-size", 0, SETTING_BYTES, AT(ccache_size), "SIZE", "5g", 64 << 20, 1LL << 50,
		"Largest size of one such cache.", false },
	AGENT_SETTINGS_OTHER,
};

static const struct command builder_command = {
	.name = "bisect-builder",
	.synopsis = "[options]",
	.summary = "build agent of bisectd",
	.description =
		"bisect-builder asks bisectd for commits to build, builds each in a sandbox (no network, no "
		"capabilities, bounded memory, processes, files and time) and uploads the files that the job keeps.\n\n"
		"It keeps nothing that matters: it may be killed at any moment, and what it held is built by the next "
		"agent that asks. Any number of them may run, on any number of machines.",
	.settings = settings,
	.size = sizeof(struct builder_values),
};

static void builder_close(void *context)
{
	struct builder *builder = context;

	free(builder->mirrors_dir);
	free(builder->trees_dir);
	free(builder->ccache_dir);
	free(builder->empty);
	free(builder);
}

/* Where distributions put compilers by their names that are links to ccache. */
static const char *find_ccache(void)
{
	static const char *const dirs[] = { "/usr/lib/ccache", "/usr/lib64/ccache",
		"/usr/lib/ccache/bin", NULL };
	struct str path = STR_INIT;
	const char *found = NULL;

	for (size_t i = 0; dirs[i] && !found; i++)
		if (access(str_setf(&path, "%s/gcc", dirs[i]), X_OK) == 0 ||
		    access(str_setf(&path, "%s/cc", dirs[i]), X_OK) == 0)
			found = dirs[i];
	str_release(&path);
	return found;
}

static int builder_open(void **ret, struct agent *agent, struct strv *hide, struct error *err)
{
	struct builder *builder = mem_alloc(sizeof(*builder));
	const char *state = agent_state_dir(agent);
	int rc;

	builder->values = agent_values(agent);
	builder->agent = agent;
	builder->mirrors_dir = builder->values->mirrors_dir ? mem_strdup(builder->values->mirrors_dir)
							    : mem_printf("%s/mirrors", state);
	builder->trees_dir = mem_printf("%s/trees", state);
	builder->ccache_dir = mem_printf("%s/ccache", state);
	builder->empty = mem_printf("%s/empty", state);
	if (builder->values->ccache)
		builder->ccache_programs = find_ccache();
	git_environment_checkouts(agent_slots(agent));
	git_environment();	/* before there are threads */
	rc = dir_make(builder->mirrors_dir, 0700, err);
	if (rc == 0)
		rc = dir_make(builder->trees_dir, 0700, err);
	if (rc == 0)
		rc = file_write_atomic(builder->empty, "", 0, 0644, err);
	if (rc < 0) {
		builder_close(builder);
		return rc;
	}
	strv_push(hide, builder->mirrors_dir);
	*ret = builder;
	return 0;
}

static void builder_lanes(struct strv *ret, const struct agent *agent)
{
	strv_pushf(ret, "build/%s", agent_arch(agent));
}

int main(int argc, char **argv)
{
	static const struct agent_kind kind = {
		.name = "builder",
		.command = &builder_command,
		.open = builder_open,
		.close = builder_close,
		.lanes = builder_lanes,
		.start = build_start,
		.stop = build_stop,
	};

	return agent_main(&kind, argc, argv);
}
