/* The sandbox, for real: every promise of agent/sandbox.h, in every way this machine can make one.
 */
#include "agent/sandbox.h"

#include <check.h>
#include <event2/event.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

#define MEGA ((uint64_t)1 << 20)

/* Control groups or limits; with a user namespace or, only as root, without. */
static const struct way {
	const char *name;
	bool without_cgroup, without_user_namespace;
} ways[] = {
	{ "best", false, false },
	{ "limits", true, false },
	{ "plain", false, true },
	{ "plain with limits", true, true },
};
enum { N_WAYS = sizeof(ways) / sizeof(ways[0]) };

static char *home, *secret, *box;
static struct sandbox_host *host;

static void use(int way)
{
	const char *const hide[] = { secret, NULL };
	const struct sandbox_host_options options = {
		.box = box,
		.hide = hide,
		.without_cgroup = ways[way].without_cgroup,
		.without_user_namespace = ways[way].without_user_namespace,
	};
	struct error err = ERROR_INIT;

	ck_assert_msg(
		sandbox_host_new(&host, &options, &err) == 0, "%s: %s", ways[way].name, err.text);
}

static void set_up(void)
{
	struct str path = STR_INIT;

	/* Not below /tmp, which no sandbox shows anyway. */
	home = mem_strdup("./sandbox-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(home));
	free(secret);
	secret = realpath(home, NULL);
	free(home);
	home = secret;
	secret = mem_printf("%s/state", home);
	ck_assert_int_eq(mkdir(secret, 0755), 0);
	ck_assert_int_eq(
		file_write_atomic(str_setf(&path, "%s/token", secret), "hush", 4, 0644, NULL), 0);
	ck_assert_int_eq(mkdir(str_setf(&path, "%s/build", home), 0755), 0);
	ck_assert_int_eq(mkdir(str_setf(&path, "%s/scratch", home), 0755), 0);
	str_release(&path);
}

static void tear_down(void)
{
	struct error err = ERROR_INIT;

	sandbox_host_free(host);
	host = NULL;
	ck_assert_msg(dir_remove(home, &err) == 0, "%s", err.text);
	free(home);
	free(secret);
	home = secret = NULL;
}

struct outcome {
	struct sandbox_end end;
	struct str text;
};

/* `options` without argv and binds; the script runs in /build. */
static struct outcome run(const char *script, struct sandbox_options options)
{
	struct outcome outcome = { .text = STR_INIT };
	struct str build = STR_INIT;
	struct sandbox_bind bind = { NULL, "/build", true };
	const char *const argv[] = { "/bin/sh", "-c", script, NULL };
	struct error err = ERROR_INIT;

	bind.source = str_setf(&build, "%s/build", home);
	options.argv = argv;
	options.binds = &bind;
	options.n_binds = 1;
	options.directory = "/build";
	if (!options.timeout_ms)
		options.timeout_ms = 30000;
	ck_assert_msg(sandbox_run(&outcome.end, &outcome.text, host, &options, &err) == 0, "%s",
		err.text);
	ck_assert_msg(!outcome.end.failed, "%s", outcome.end.reason);
	str_release(&build);
	return outcome;
}

static void expect(const char *script, int status, const char *text)
{
	struct outcome outcome = run(script, (struct sandbox_options){ 0 });

	ck_assert_msg(outcome.end.status == status, "%s: status %d, %s", script, outcome.end.status,
		outcome.text.buf);
	if (text)
		ck_assert_str_eq(outcome.text.buf, text);
	str_release(&outcome.text);
}

START_TEST(output_of_both_streams_and_the_exit_status_come_back)
{
	use(_i);
	expect("echo one; echo two >&2; exit 7", 7, "one\ntwo\n");
	expect("kill -9 $$", 137, "");
}
END_TEST

START_TEST(there_is_no_network)
{
	use(_i);
	expect("tail -n +3 /proc/net/dev | grep -v '^ *lo:'", 1, "");
	expect("tail -n +2 /proc/net/route", 0, "");
}
END_TEST

START_TEST(there_are_no_capabilities_and_no_way_to_new_ones)
{
	use(_i);
	expect("grep -E '^Cap(Inh|Prm|Eff|Amb)' /proc/self/status | grep -v 0000000000000000", 1,
		"");
	expect("grep -q 'NoNewPrivs:.1' /proc/self/status", 0, "");
	expect("mount -t tmpfs none /tmp 2>/dev/null", 1 << 5, "");
}
END_TEST

START_TEST(the_kernel_cannot_be_configured_from_inside)
{
	use(_i);
	expect("find /proc/sys /proc/irq /proc/bus /proc/fs -type f -writable 2>/dev/null", 0, "");
	/* Asked, not tried: where it would succeed it would change this machine. */
	expect("test -w /proc/sys/kernel/core_pattern", 1, "");
	expect("ls -A /sys | grep -v '^devices$'", 1, "");
}
END_TEST

START_TEST(the_root_is_read_only_and_the_build_directory_is_not)
{
	use(_i);
	expect("for d in / /usr /etc /var; do (: > $d/sandbox-was-here) 2>/dev/null && echo $d; "
	       "done; "
	       ": > here && : > /tmp/there",
		0, "");
	ck_assert_int_ne(access("/etc/sandbox-was-here", F_OK), 0);
}
END_TEST

START_TEST(writes_vanish_with_the_overlay)
{
	struct sandbox_options options = { 0 };
	struct str scratch = STR_INIT, path = STR_INIT;
	struct outcome outcome;

	use(_i);
	options.scratch = str_setf(&scratch, "%s/scratch", home);
	/* An ordinary user stays one: it may add to the root and change what is its own, but not
	 * root's files. */
	outcome = run("echo new > /etc/sandbox-was-here && cat /etc/sandbox-was-here && "
		      "echo other > /var/sandbox-was-here && ls /usr/bin/env",
		options);
	ck_assert_msg(!strcmp(outcome.text.buf, "new\n/usr/bin/env\n"), "%s", outcome.text.buf);
	ck_assert_int_eq(outcome.end.status, 0);
	ck_assert_int_ne(access("/etc/sandbox-was-here", F_OK), 0);
	ck_assert_int_ne(access("/var/sandbox-was-here", F_OK), 0);
	str_release(&outcome.text);
	/* A fresh scratch directory starts from the host's root again. */
	ck_assert_int_eq(dir_remove(scratch.buf, NULL), 0);
	ck_assert_int_eq(mkdir(scratch.buf, 0755), 0);
	outcome = run("cat /etc/sandbox-was-here 2>/dev/null || echo gone", options);
	ck_assert_str_eq(outcome.text.buf, "gone\n");
	str_release(&outcome.text);
	str_release(&path);
	str_release(&scratch);
}
END_TEST

START_TEST(state_directory_homes_and_password_files_are_invisible)
{
	struct str script = STR_INIT;

	use(_i);
	expect(str_setf(&script, "(cat %s/token; ls -A %s) 2>/dev/null; true", secret, secret), 0,
		"");
	expect("ls -A /root /home | grep -v -e : -e '^$'", 1, "");
	expect("cat /etc/shadow 2>/dev/null", 1, "");
	expect("ls -A /run | grep -v '^lock$'", 1, "");
	str_release(&script);
}
END_TEST

START_TEST(the_environment_is_cleared)
{
	const char *const env[] = { "COLOUR=blue", NULL };
	struct outcome outcome;

	use(_i);
	setenv("SECRET_TOKEN", "hush", 1);
	outcome =
		run("env | grep -v -e ^PWD= -e ^TAR_OPTIONS= -e ^SHLVL= -e ^_= -e ^OLDPWD= | sort; "
		    "grep -c hush /proc/1/environ",
			(struct sandbox_options){ .env = env });
	ck_assert_str_eq(outcome.text.buf,
		"COLOUR=blue\nHOME=/tmp\nLANG=C.UTF-8\n"
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n0\n");
	str_release(&outcome.text);
}
END_TEST

START_TEST(no_descriptor_of_the_agent_leaks)
{
	int fd = open("/dev/null", O_RDONLY); /* not close-on-exec, on purpose */

	use(_i);
	/* 3 is the directory that ls reads. */
	expect("ls /proc/self/fd", 0, "0\n1\n2\n3\n");
	close(fd);
}
END_TEST

START_TEST(memory_is_bounded)
{
	struct outcome outcome;

	use(_i);
	outcome = run("head -c 400000000 /dev/zero | tail -c 400000000 > /dev/null; "
		      "test $? -eq 0 && echo had it all",
		(struct sandbox_options){ .memory = 128 * MEGA, .processes = 100 });
	ck_assert_ptr_null(strstr(outcome.text.buf, "had it all"));
	ck_assert_int_ne(outcome.end.status, 0);
	if (strstr(sandbox_host_describe(host), "control groups"))
		ck_assert_int_eq(outcome.end.oom, SANDBOX_OOM_LIMIT);
	str_release(&outcome.text);
}
END_TEST

START_TEST(a_run_within_its_memory_is_no_oom)
{
	struct outcome outcome;

	use(_i);
	outcome = run("head -c 10000000 /dev/zero | tail -c 10000000 | wc -c",
		(struct sandbox_options){ .memory = 256 * MEGA, .processes = 100 });
	ck_assert_str_eq(outcome.text.buf, "10000000\n");
	ck_assert_int_eq(outcome.end.oom, SANDBOX_OOM_NONE);
	str_release(&outcome.text);
}
END_TEST

/* As an ordinary user the limit counts that user's other processes, too: the bound has room for
 * them. */
START_TEST(a_fork_bomb_is_bounded)
{
	struct outcome outcome;

	use(_i);
	outcome = run("i=0; while [ $i -lt 20000 ]; do sleep 60 & i=$((i + 1)); done 2>/dev/null; "
		      "echo started $i",
		(struct sandbox_options){
			.memory = 2048 * MEGA, .processes = 300, .timeout_ms = 60000 });
	ck_assert_msg(
		outcome.end.status != 0 || outcome.end.too_many_processes, "%s", outcome.text.buf);
	ck_assert_ptr_null(strstr(outcome.text.buf, "started 20000"));
	ck_assert_msg(!outcome.end.timed_out, "it should have been stopped before its time");
	str_release(&outcome.text);
}
END_TEST

START_TEST(a_file_cannot_grow_without_end)
{
	struct outcome outcome;

	use(_i);
	outcome = run("head -c 3000000 /dev/zero > big; wc -c < big",
		(struct sandbox_options){ .file_size = MEGA });
	ck_assert_msg(strstr(outcome.text.buf, "1048576"), "%s", outcome.text.buf);
	str_release(&outcome.text);
}
END_TEST

/* A lock that only the processes inside can still hold. */
START_TEST(timeout_kills_every_descendant)
{
	struct str path = STR_INIT;
	struct outcome outcome;
	char before[32], after[32];
	struct str pulse = STR_INIT;

	use(_i);
	outcome = run("(trap '' TERM HUP INT; setsid sh -c 'trap \"\" TERM HUP; "
		      "while :; do date +%s%N > pulse.new; mv pulse.new pulse; done' < /dev/null > "
		      "/dev/null 2>&1 &) ; "
		      "while [ ! -e pulse ]; do :; done; trap '' TERM; while :; do :; done",
		(struct sandbox_options){ .timeout_ms = 1500 });
	ck_assert(outcome.end.timed_out);
	str_setf(&path, "%s/build/pulse", home);
	ck_assert_int_eq(file_read(&pulse, path.buf, 31, NULL), 0);
	snprintf(before, sizeof(before), "%s", pulse.buf);
	/* Long enough for a living one to have written again. */
	for (int i = 0; i < 200; i++) {
		str_clear(&pulse);
		ck_assert_int_eq(file_read(&pulse, path.buf, 31, NULL), 0);
		ck_assert_int_eq(usleep(1000), 0);
	}
	snprintf(after, sizeof(after), "%s", pulse.buf);
	ck_assert_str_eq(before, after);
	str_release(&pulse);
	str_release(&path);
	str_release(&outcome.text);
}
END_TEST

START_TEST(what_a_script_leaves_in_the_background_ends_with_it)
{
	struct str path = STR_INIT;
	int lock, held, rc;
	struct outcome outcome;

	use(_i);
	ck_assert_int_eq(file_lock(&held, str_setf(&path, "%s/lock", home), 0, NULL), 0);
	outcome = run("setsid sleep 1000 < /dev/null > /dev/null 2>&1 &",
		(struct sandbox_options){ .hold_fd = held });
	ck_assert_int_eq(outcome.end.status, 0);
	ck_assert(!outcome.end.timed_out);
	/* hold_fd was held by the sandbox; ours is closed, so that only a left process could hold
	 * it. */
	close(held);
	rc = file_lock(&lock, path.buf, 0, NULL);
	ck_assert_int_eq(rc, 0);
	close(lock);
	str_release(&path);
	str_release(&outcome.text);
}
END_TEST

START_TEST(a_program_that_is_not_there_is_not_the_farms_fault)
{
	use(_i);
	expect("/no/such/program 2>/dev/null", 127, "");
}
END_TEST

START_TEST(a_sandbox_that_cannot_be_made_says_why)
{
	const struct sandbox_host_options no_box = { .box = "/nonexistent/bisect-box" };
	struct sandbox_bind bind = { "/nonexistent/tree", "/build", true };
	const char *const argv[] = { "true", NULL };
	const struct sandbox_options options = { .argv = argv, .binds = &bind, .n_binds = 1 };
	struct error err = ERROR_INIT;
	struct sandbox_host *none = NULL;
	struct sandbox_end end;

	ck_assert_int_eq(sandbox_host_new(&none, &no_box, &err), -ERR_UNAVAILABLE);
	ck_assert_msg(strstr(err.text, "--libexec-dir"), "%s", err.text);
	ck_assert_ptr_null(none);
	use(_i);
	ck_assert_int_eq(sandbox_run(&end, NULL, host, &options, &err), 0);
	ck_assert(end.failed);
	ck_assert_msg(strstr(end.reason, "/nonexistent/tree"), "%s", end.reason);
}
END_TEST

struct killing {
	struct sandbox *sandbox;
	struct event_base *loop;
	struct sandbox_end end;
};

static void kill_at_output(const char *bytes, size_t len, void *arg)
{
	struct killing *killing = arg;

	sandbox_kill(killing->sandbox);
}

static void note_end(const struct sandbox_end *end, void *arg)
{
	struct killing *killing = arg;

	killing->end = *end;
	event_base_loopbreak(killing->loop);
}

START_TEST(a_killed_run_ends_at_once_and_is_no_failure)
{
	const char *const argv[] = { "/bin/sh", "-c",
		"echo ready; trap '' TERM; while :; do :; done", NULL };
	const struct sandbox_options options = { .argv = argv, .timeout_ms = 60000 };
	struct killing killing = { NULL, event_base_new(), { 0 } };
	const struct sandbox_events events = { kill_at_output, note_end, &killing };
	struct error err = ERROR_INIT;

	use(_i);
	ck_assert_msg(
		sandbox_start(&killing.sandbox, host, killing.loop, &options, &events, &err) == 0,
		"%s", err.text);
	event_base_dispatch(killing.loop);
	ck_assert(killing.end.killed);
	ck_assert(!killing.end.failed);
	ck_assert_int_lt((int)killing.end.wall_ms, 20000);
	event_base_free(killing.loop);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		output_of_both_streams_and_the_exit_status_come_back,
		there_is_no_network,
		there_are_no_capabilities_and_no_way_to_new_ones,
		the_kernel_cannot_be_configured_from_inside,
		the_root_is_read_only_and_the_build_directory_is_not,
		writes_vanish_with_the_overlay,
		state_directory_homes_and_password_files_are_invisible,
		the_environment_is_cleared,
		no_descriptor_of_the_agent_leaks,
		memory_is_bounded,
		a_run_within_its_memory_is_no_oom,
		a_fork_bomb_is_bounded,
		a_file_cannot_grow_without_end,
		timeout_kills_every_descendant,
		what_a_script_leaves_in_the_background_ends_with_it,
		a_program_that_is_not_there_is_not_the_farms_fault,
		a_sandbox_that_cannot_be_made_says_why,
		a_killed_run_ends_at_once_and_is_no_failure,
	};
	Suite *suite = suite_create("sandbox");
	TCase *tcase = tcase_create("sandbox");
	SRunner *runner;
	int failed;

	box = realpath(getenv("BISECT_BOX") ? getenv("BISECT_BOX") : "./programs/bisect-box", NULL);
	if (!box) {
		fprintf(stderr, "no ./programs/bisect-box here; run this in the build directory\n");
		return 1;
	}
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_set_timeout(tcase, 120);
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tcase_add_loop_test(tcase, tests[i], 0, geteuid() == 0 ? N_WAYS : 2);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	free(box);
	return failed ? 1 : 0;
}
