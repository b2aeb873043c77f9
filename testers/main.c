/* bisect-tester: runs tests in testboxes and sends what they showed. */
#include <stddef.h>

#include "base/file.h"
#include "base/mem.h"
#include "testers/test.h"

#define AT(field) offsetof(struct tester_values, field)
static const struct setting settings[] = {
	AGENT_SETTINGS_SERVER,
	AGENT_SETTINGS_STATE("/var/lib/bisect-tester",
		"Fetched artifacts and runs in progress; all of it can be fetched or made again."),
	{ "cache-size", 0, SETTING_BYTES, AT(cache_size), "SIZE", "4g", 0, 0,
		"Artifacts kept for further runs.", false },
	AGENT_SETTINGS_SANDBOX("2g"),
	AGENT_SETTINGS_OTHER,
};

static const struct command tester_command = {
	.name = "bisect-tester",
	.synopsis = "[options]",
	.summary = "test agent of bisectd",
	.description =
		"bisect-tester asks bisectd for tests to run, fetches what was built, runs each test in a fresh "
		"testbox and sends its outcome, the error ids in its output, its log and what it used.\n\n"
		"The container testbox (dc-...) is this host's own root, read-only under an overlay whose writes "
		"vanish, in a sandbox without network and capabilities.\n\n"
		"It keeps nothing that matters: it may be killed at any moment, and what it held is run by the next "
		"agent that asks.",
	.settings = settings,
	.size = sizeof(struct tester_values),
};

static void tester_close(void *context)
{
	struct tester *tester = context;

	free(tester->cache_dir);
	free(tester);
}

static int tester_open(void **ret, struct agent *agent, struct strv *hide, struct error *err)
{
	struct tester *tester = mem_alloc(sizeof(*tester));
	int rc;

	tester->values = agent_values(agent);
	tester->agent = agent;
	tester->cache_dir = mem_printf("%s/artifacts", agent_state_dir(agent));
	rc = dir_make(tester->cache_dir, 0700, err);
	if (rc < 0) {
		tester_close(tester);
		return rc;
	}
	*ret = tester;
	return 0;
}

int main(int argc, char **argv)
{
	static const struct agent_kind kind = {
		.name = "tester",
		.command = &tester_command,
		.open = tester_open,
		.close = tester_close,
		.lanes = test_lanes,
		.start = test_start,
		.stop = test_stop,
	};

	return agent_main(&kind, argc, argv);
}
