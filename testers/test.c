#include "testers/test.h"

#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "agent/pack.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "job/lkp_stats.h"
#include "job/log_kinds.h"
#include "testers/cache.h"
#include "testers/kept_stats.h"
#include "testers/testbox.h"

enum {
	FETCHES_MAX = 2,
	MEMORY_TRIES = 3, /* the attempt from which on too little memory is the test's own end */
};

static const struct testbox_kind *const kinds[] = { &container_kind };
enum { N_KINDS = sizeof(kinds) / sizeof(kinds[0]) };

struct test {
	struct run *run;
	struct tester *tester;
	const struct testbox_kind *kind;
	void *box;
	const char *sha;		/* of the artifact; borrowed from the payload */
	struct str archive, files, log;	/* paths */
	unsigned fetches;
	struct log_reading reading;
	struct extractor *extractor;
	struct str stats;		/* of its files, if the log has none */
	struct sandbox_end end;
	const char *outcome;
	bool complete;
	char *message;
	/*
	 * Between the loop and the worker thread, one at a time.  What succeeds may leave words in
	 * err: rc tells.
	 */
	int rc;
	struct error err;
	bool cached;
	char log_sha[HASH_HEX_LEN + 1];
};

void test_lanes(struct strv *ret, const struct agent *agent)
{
	for (size_t i = 0; i < N_KINDS; i++)
		strv_pushf(ret, "test/%s/%s", kinds[i]->prefix, agent_arch(agent));
}

static const struct testbox_kind *find_kind(const char *testbox)
{
	for (size_t i = 0; testbox && i < N_KINDS; i++) {
		size_t len = strlen(kinds[i]->prefix);

		if (!strncmp(testbox, kinds[i]->prefix, len) && (testbox[len] == '-' || !testbox[len]))
			return kinds[i];
	}
	return NULL;
}

/* --- The end --- */

static void send(struct run *run)
{
	struct test *test = *run_own(run);
	json_t *result = json_pack("{s:s, s:b, s:i, s:s, s:s, s:I, s:I}", "outcome", test->outcome,
		"complete", (int)test->complete, "exit_status", test->end.status, "artifact", test->sha, "log",
		test->log_sha, "started_ms", (json_int_t)run_started_ms(run), "finished_ms",
		(json_int_t)clock_wall_ms());

	json_object_set_new(result, "message", result_string(test->message));
	json_object_set_new(result, "box", result_string(run_text(run, "testbox")));
	json_object_set_new(result, "errors", result_errors(test->extractor));
	json_object_set_new(result, "passed", result_passed(test->extractor));
	json_object_set_new(result, "metrics", result_metrics(test->extractor));
	json_object_set_new(result, "usage", result_usage(&test->end));
	run_finish(run, result);
}

static void do_pack_log(void *arg)
{
	struct test *test = arg;
	int fd;

	test->rc = compress_file(test->log.buf, run_log_path(test->run), &test->err);
	if (test->rc < 0)
		return;
	fd = open(test->log.buf, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		test->rc = error_set(&test->err, ERR_IO, "cannot open %s", test->log.buf);
	else
		test->rc = hash_file(fd, test->log_sha, &test->err);
	file_close(&fd);
}

static void on_log_packed(struct run *run)
{
	struct test *test = *run_own(run);

	if (test->rc < 0)
		run_release(run, "cannot keep the log: %s", test->err.text);
	else
		run_store(run, test->log.buf, test->log_sha, send);
}

static void report(struct test *test, const char *outcome, const char *message)
{
	test->outcome = outcome;
	test->message = mem_strdup(message);
	if (message)
		run_logf(test->run, "\n[bisectd] %s\n", message);
	run_path(&test->log, test->run, "log.zst");
	run_work(test->run, do_pack_log, on_log_packed, test);
}

/* --- The script --- */

/* The absence of an error means something only where the test itself came to its end. */
static void judge(struct test *test)
{
	const struct sandbox_end *end = &test->end;
	bool cut = end->timed_out || end->too_many_processes || end->oom;
	struct str message = STR_INIT;

	extractor_end(test->extractor, end->status, end->signal, end->timed_out);
	test->complete = !cut && extractor_ran_to_its_end(test->extractor);
	if (end->timed_out)
		str_setf(&message, "the test did not end in time (%" PRId64 " s)",
			run_number(test->run, "timeout_s"));
	else if (end->too_many_processes)
		str_setf(&message, "the test made too many processes");
	else if (end->oom)
		str_setf(&message, "the test needed more memory than its testbox has");
	else if (end->status == 126 || end->status == 127)
		str_setf(&message, "the test could not start: status %d (%s)", end->status,
			end->status == 127 ? "no such program" : "a program that cannot be run");
	if (cut)
		/*
		 * Only a part of it may have been killed for memory, and the test content without
		 * it.
		 */
		report(test, end->status || !end->oom ? "fail" : "pass", message.buf);
	else if (end->status == 126 || end->status == 127)
		report(test, "broken", message.buf);
	else
		report(test, end->status ? "fail" : "pass", extractor_lkp_stats_problem(test->extractor));
	str_release(&message);
}

static void do_read_stats(void *arg)
{
	struct test *test = arg;

	str_setf(&test->stats, "\n%s\n", LKP_STATS_LOG_MARK);
	test->rc = kept_stats_read(&test->stats, test->files.buf, &test->err);
}

/* From here on they are a part of the log, as if the test had printed them. */
static void on_stats_read(struct run *run)
{
	struct test *test = *run_own(run);

	if (test->rc < 0 && test->rc != -ERR_NOT_FOUND) {
		run_release(run, "%s", test->err.text);
		return;
	}
	if (test->rc == 0) {
		str_add(&test->stats, "\n");
		run_log(run, test->stats.buf, test->stats.len);
		extractor_feed(test->extractor, test->stats.buf, test->stats.len);
	}
	judge(test);
}

static void on_script_end(struct run *run, const struct sandbox_end *end)
{
	struct test *test = *run_own(run);

	test->end = *end;
	if (end->failed)
		run_release(run, "%s", end->reason);
	else if (end->oom == SANDBOX_OOM_HOST)
		run_release(run, "this machine is out of memory");
	/* Mostly it is something that goes by.  What comes back every time is what the test does.
	 */
	else if (end->oom && run_attempt(run) < MEMORY_TRIES)
		run_release_for(run, FAULT_UNIT,
			"out of memory: the test needs more than the %" PRId64
			" MiB of its testbox",
			run_number(run, "memory") >> 20);
	else if (end->status && run_disk_was_full(run))
		run_release(run, "the disk of %s is full", run_directory(run));
	else if (test->reading.lkp_stats && !extractor_has_lkp_stats(test->extractor))
		run_work(run, do_read_stats, on_stats_read, test);
	else
		judge(test);
}

static void run_box(struct test *test)
{
	struct run *run = test->run;
	struct testbox_script script = { .script = run_text(run, "run"), .files = test->files.buf };
	struct error err = ERROR_INIT;

	if (extractor_new(&test->extractor, test->reading.source, run_text(run, "suite"),
		    run_text(run, "match"), &err) < 0) {
		report(test, "broken", err.text);
		return;
	}
	/* What the agent itself wrote before the script: line numbers are those of the log. */
	for (uint64_t i = run_log_lines(run); i > 0; i--)
		extractor_feed(test->extractor, "\n", 1);
	if (test->reading.lkp_stats) {
		extractor_expect_lkp_stats(test->extractor, false);
		kept_stats_remove(test->files.buf);
	}
	if (test->kind->start(&test->box, run, &err) < 0) {
		run_release(run, "no testbox: %s", err.text);
		return;
	}
	script.extractor = test->extractor;
	test->kind->run(test->box, run, &script, on_script_end);
}

/* --- The artifact --- */

static void unpack(struct test *test)
{
	test->rc = dir_make(test->files.buf, 0755, &test->err);
	if (test->rc == 0)
		test->rc = unpack_tree(test->archive.buf, test->files.buf, &test->err);
	unlink(test->archive.buf);
}

static void on_unpacked(struct run *run)
{
	struct test *test = *run_own(run);

	switch (test->rc) {
	case 0:
		run_box(test);
		break;
	case -ERR_CORRUPT:
	case -ERR_LIMIT:
		/* Its hash is right: it was made like this, and comes like this again. */
		report(test, "broken", test->err.text);
		break;
	default:
		run_release(run, "cannot unpack the artifact: %s", test->err.text);
	}
}

static void do_keep_and_unpack(void *arg)
{
	struct test *test = arg;

	cache_put(test->tester->cache_dir, test->sha, test->archive.buf,
		(uint64_t)test->tester->values->cache_size);
	unpack(test);
}

static void on_fetched(struct run *run, const struct error *err)
{
	struct test *test = *run_own(run);

	if (!err) {
		run_work(run, do_keep_and_unpack, on_unpacked, test);
	} else if (err->code == ERR_CORRUPT && test->fetches < FETCHES_MAX) {
		test->fetches++;
		run_logf(run, "[bisectd] %s; fetching it again\n", err->text);
		run_fetch(run, test->archive.buf, test->sha, on_fetched);
	} else {
		/* What the daemon cannot give now, it gives no other box either. */
		run_release_for(run,
			err->code == ERR_UNAVAILABLE || err->code == ERR_NO_SPACE ||
					err->code == ERR_NOT_FOUND
				? FAULT_FARM
				: FAULT_BOX,
			"%s", err->text);
	}
}

static void do_look(void *arg)
{
	struct test *test = arg;

	test->cached = cache_get(test->tester->cache_dir, test->sha, test->archive.buf);
	if (test->cached)
		unpack(test);
}

static void on_looked(struct run *run)
{
	struct test *test = *run_own(run);

	if (test->cached) {
		on_unpacked(run);
		return;
	}
	test->fetches++;
	run_fetch(run, test->archive.buf, test->sha, on_fetched);
}

/* --- The start --- */

/* A daemon that is newer than this program may name kinds that nothing here can read. */
static int read_kinds(struct test *test, struct error *err)
{
	struct strv logs = STRV_INIT;
	int rc;

	run_texts(&logs, test->run, "logs");
	rc = log_reading_of(&test->reading, &logs, err);
	strv_release(&logs);
	return rc;
}

void test_start(struct run *run, void *context)
{
	struct test *test = mem_alloc(sizeof(*test));
	struct error err = ERROR_INIT;

	*run_own(run) = test;
	test->run = run;
	test->tester = context;
	str_init(&test->archive);
	str_init(&test->files);
	str_init(&test->log);
	str_init(&test->stats);
	run_path(&test->archive, run, "artifact");
	run_path(&test->files, run, "files");
	test->sha = run_text(run, "artifact");
	test->kind = find_kind(run_text(run, "testbox"));
	if (!test->kind)
		run_release(run, "no testbox of the kind %s here",
			run_text(run, "testbox") ? run_text(run, "testbox") : "(none)");
	else if (!test->sha || !hash_is_hex(test->sha, HASH_HEX_LEN) || !run_text(run, "run"))
		run_release(run, "a test unit without an artifact's hash or a script");
	else if (read_kinds(test, &err) < 0)
		run_release(run, "%s: this bisect-tester is older than the daemon, or the unit is wrong",
			err.text);
	else
		run_work(run, do_look, on_looked, test);
}

void test_stop(struct run *run, void *context)
{
	struct test *test = *run_own(run);

	if (!test)
		return;
	if (test->box)
		test->kind->stop(test->box);
	extractor_free(test->extractor);
	str_release(&test->archive);
	str_release(&test->files);
	str_release(&test->log);
	str_release(&test->stats);
	free(test->message);
	free(test);
	*run_own(run) = NULL;
}
