/*
 * The container testbox: the same sandbox as for builds, on this host's own root under an overlay,
 * so that a test may write to /etc and /var; all of that is thrown away with the run's directory.
 */
#include "testers/testbox.h"

#include "base/file.h"
#include "base/mem.h"

struct container { char *scratch; };

static int container_start(void **ret_box, struct run *run, struct error *err)
{
	struct container *container;
	char *scratch = mem_printf("%s/scratch", run_directory(run));
	int rc = dir_make(scratch, 0755, err);

	if (rc < 0) {
		free(scratch);
		return rc;
	}
	container = mem_alloc(sizeof(*container));
	container->scratch = scratch;
	*ret_box = container;
	return 0;
}

static void container_run(void *box, struct run *run, const struct testbox_script *script,
	void (*done)(struct run *run, const struct sandbox_end *end))
{
	const struct container *container = box;
	const struct sandbox_bind files = { script->files, TESTBOX_DIRECTORY, true };
	struct run_script inner = { .script = script->script, .extractor = script->extractor };

	inner.options.directory = TESTBOX_DIRECTORY;
	inner.options.binds = &files;
	inner.options.n_binds = 1;
	inner.options.scratch = container->scratch;
	run_sandbox(run, &inner, done);
}

static void container_stop(void *box)
{
	struct container *container = box;

	if (!container)
		return;
	/* The directory itself goes with the run's. */
	free(container->scratch);
	free(container);
}

const struct testbox_kind container_kind = { "dc", container_start, container_run, container_stop };
