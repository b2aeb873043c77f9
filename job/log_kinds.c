#include "job/log_kinds.h"

/* In the order of log_kind_names. */
static const enum error_source sources[] = {
	SOURCE_BUILD, SOURCE_DMESG, SOURCE_KMSG, SOURCE_STDERR, SOURCE_LAST_STATE, /* these have a reader of their own */
	SOURCE_TEST, SOURCE_TEST, SOURCE_TEST, SOURCE_TEST, SOURCE_TEST, SOURCE_TEST, SOURCE_TEST,
	SOURCE_TEST, SOURCE_TEST,
};

const char *const log_kind_names[] = { "build-pkg", "dmesg", "kmsg", "stderr", "last_state", "tap", "ktap",
	"kselftest", "kunit", "ltp", "gtest", "pytest", "junit", LOG_KIND_LKP_STATS, NULL };

_Static_assert(sizeof(sources) / sizeof(*sources) + 1 ==
                       sizeof(log_kind_names) / sizeof(*log_kind_names),
        "a source for each name");

bool log_kind_source(enum error_source *ret, const char *name)
{
	if (errorid_is_build_source(name, strlen(name)))
		name = "build-pkg";
	for (size_t i = 0; log_kind_names[i]; i++)
		if (!strcmp(log_kind_names[i], name)) {
			*ret = sources[i];
			return true;
		}
	return false;
}

const char *log_kind_of_source(enum error_source source)
{
	for (size_t i = 0; source != SOURCE_TEST && log_kind_names[i]; i++)
		if (sources[i] == source)
			return log_kind_names[i];
	return "test";
}

int log_reading_of(struct log_reading *ret, const struct strv *kinds, struct error *err)
{
	struct log_reading reading = { .source = SOURCE_TEST };
	enum error_source source = SOURCE_TEST, only = SOURCE_TEST;
	size_t n = 0;

	for (size_t i = 0; i < kinds->n; i++) {
		if (!log_kind_source(&source, kinds->v[i]))
			return error_set(err, ERR_INVALID,
			        "no program here reads logs of the kind \"%.100s\"", kinds->v[i]);
		if (!strcmp(kinds->v[i], LOG_KIND_LKP_STATS))
			reading.lkp_stats = true;
		/* The build has a log of its own, and so has the end of a run. */
		if ((source == SOURCE_BUILD || source == SOURCE_LAST_STATE) && kinds->n > 1)
			continue;
		only = source;
		n++;
	}
	if (n == 1)
		reading.source = only;
	*ret = reading;
	return 0;
}
