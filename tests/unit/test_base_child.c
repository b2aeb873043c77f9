#include "base/child.h"

#include <check.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child_guard.h"
#include "base/file.h"
#include "base/mem.h"

#define LONG "1000"			/* seconds; nothing here waits for the end of one */

static char dir[64];
static struct error err;
static struct event_base *loop;

static void set_up(void)
{
	err = (struct error)ERROR_INIT;
	snprintf(dir, sizeof(dir), "/tmp/test_base_child.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	loop = event_base_new();
	ck_assert_ptr_nonnull(loop);
}

static void tear_down(void)
{
	event_base_free(loop);
	ck_assert_int_eq(dir_remove(dir, NULL), 0);
}

static int run(struct child_exit *exit, struct str *out, struct str *errors, const char *script)
{
	const char *const argv[] = { "sh", "-c", script, NULL };
	struct child_options options = CHILD_OPTIONS_INIT;

	options.argv = argv;
	options.stdout_fd = CHILD_PIPE;
	options.stderr_fd = CHILD_PIPE;
	return child_run(exit, out, errors, NULL, 0, 0, &options, &err);
}

static bool is_alive(pid_t pid)
{
	return kill(pid, 0) == 0;
}

/* A killed orphan stays until whoever adopted it has reaped it; that is soon, but not at once. */
static void wait_until_dead(pid_t pid)
{
	for (int i = 0; i < 100000 && is_alive(pid); i++) {
		char state[64], path[64];
		struct str text = STR_INIT;
		const char *paren;

		snprintf(path, sizeof(path), "/proc/%d/stat", pid);
		state[0] = '\0';
		if (file_read(&text, path, 4096, NULL) == 0 && (paren = strrchr(text.buf, ')')))
			snprintf(state, sizeof(state), "%.2s", paren + 1);
		str_release(&text);
		if (strcmp(state, " Z") == 0)
			return;
	}
	ck_assert(!is_alive(pid));
}

/* --- Blocking. --- */

START_TEST(both_outputs_and_the_exit_status_come_back)
{
	struct str out = STR_INIT, errors = STR_INIT;
	struct child_exit exit;

	str_add(&out, "had ");
	ck_assert_int_eq(run(&exit, &out, &errors, "echo one; echo two >&2; exit 7"), 0);
	ck_assert_str_eq(out.buf, "had one\n");
	ck_assert_str_eq(errors.buf, "two\n");
	ck_assert_int_eq(exit.status, 7);
	ck_assert_int_eq(exit.signal, 0);
	ck_assert(!exit.timed_out && !exit.lost_output);
	str_release(&out);
	str_release(&errors);
}
END_TEST

START_TEST(death_by_a_signal_is_128_and_the_signal)
{
	struct child_exit exit;

	ck_assert_int_eq(run(&exit, NULL, NULL, "kill -SEGV $$"), 0);
	ck_assert_int_eq(exit.signal, SIGSEGV);
	ck_assert_int_eq(exit.status, 128 + SIGSEGV);
}
END_TEST

START_TEST(a_program_that_is_not_there_is_an_error_with_its_name)
{
	const char *const argv[] = { "no-such-program-here", NULL };
	const char *const path[] = { "./no/such", NULL };
	struct child_options options = CHILD_OPTIONS_INIT;
	struct child *child = NULL;

	options.argv = argv;
	ck_assert_int_eq(child_run(NULL, NULL, NULL, NULL, 0, 0, &options, &err), -ERR_NOT_FOUND);
	ck_assert_str_eq(err.text, "cannot run no-such-program-here: No such file or directory");
	options.argv = path;
	ck_assert_int_eq(child_start(&child, loop, &options, NULL, &err), -ERR_NOT_FOUND);
	ck_assert_str_eq(err.text, "cannot run ./no/such: No such file or directory");
	ck_assert_ptr_null(child);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
}
END_TEST

START_TEST(a_file_that_may_not_run_is_an_error)
{
	const char *const argv[] = { "thing", NULL };
	struct child_options options = CHILD_OPTIONS_INIT;
	const char *env[] = { NULL, NULL };
	struct str path = STR_INIT, env_path = STR_INIT;

	str_addf(&path, "%s/thing", dir);
	str_addf(&env_path, "PATH=/nowhere::%s:/nowhere/else", dir);
	env[0] = env_path.buf;
	ck_assert_int_eq(file_write_atomic(path.buf, "x", 1, 0644, &err), 0);
	options.argv = argv;
	options.env = env;
	ck_assert_int_eq(child_run(NULL, NULL, NULL, NULL, 0, 0, &options, &err), -ERR_DENIED);
	ck_assert_str_eq(err.text, "cannot run thing: Permission denied");
	str_release(&path);
	str_release(&env_path);
}
END_TEST

START_TEST(a_missing_directory_is_an_error)
{
	const char *const argv[] = { "true", NULL };
	struct child_options options = CHILD_OPTIONS_INIT;

	options.argv = argv;
	options.directory = "/no/such/place";
	ck_assert_int_eq(child_run(NULL, NULL, NULL, NULL, 0, 0, &options, &err), -ERR_NOT_FOUND);
	ck_assert_str_eq(err.text, "cannot run true in /no/such/place: No such file or directory");
}
END_TEST

START_TEST(environment_and_directory_are_those_given)
{
	const char *const argv[] = { "sh", "-c", "pwd; echo $A; env | wc -l", NULL };
	const char *const env[] = { "PATH=/usr/bin:/bin", "A=b  c", NULL };
	struct child_options options = CHILD_OPTIONS_INIT;
	struct str out = STR_INIT, want = STR_INIT;

	options.argv = argv;
	options.env = env;
	options.directory = dir;
	options.stdout_fd = CHILD_PIPE;
	ck_assert_int_eq(child_run(NULL, &out, NULL, NULL, 0, 0, &options, &err), 0);
	str_addf(&want, "%s\nb c\n3\n", dir);
	ck_assert_str_eq(out.buf, want.buf);
	str_release(&out);
	str_release(&want);
}
END_TEST

START_TEST(arguments_reach_the_program_as_they_are)
{
	const char *const argv[] = { "printf", "%s|", "$(id)", "a b", "'\"`;\n*", "", NULL };
	struct child_options options = CHILD_OPTIONS_INIT;
	struct str out = STR_INIT;

	options.argv = argv;
	options.stdout_fd = CHILD_PIPE;
	ck_assert_int_eq(child_run(NULL, &out, NULL, NULL, 0, 0, &options, &err), 0);
	ck_assert_str_eq(out.buf, "$(id)|a b|'\"`;\n*||");
	str_release(&out);
}
END_TEST

START_TEST(input_larger_than_a_pipe_goes_in_and_comes_back)
{
	const char *const cat[] = { "cat", NULL }, *const none[] = { "true", NULL };
	struct child_options options = CHILD_OPTIONS_INIT;
	struct str in = STR_INIT, out = STR_INIT;

	while (in.len < 3000000)
		str_addf(&in, "%zu ", in.len);
	options.argv = cat;
	options.stdout_fd = CHILD_PIPE;
	ck_assert_int_eq(child_run(NULL, &out, NULL, in.buf, in.len, 0, &options, &err), 0);
	ck_assert_uint_eq(out.len, in.len);
	ck_assert_mem_eq(out.buf, in.buf, in.len);
	/* One that reads nothing neither blocks nor kills us. */
	options.argv = none;
	ck_assert_int_eq(child_run(NULL, &out, NULL, in.buf, in.len, 0, &options, &err), 0);
	str_release(&in);
	str_release(&out);
}
END_TEST

START_TEST(output_past_the_limit_is_dropped_and_told)
{
	const char *const argv[] = { "sh", "-c", "head -c 300000 /dev/zero; printf end >&2", NULL };
	struct child_options options = CHILD_OPTIONS_INIT;
	struct str out = STR_INIT, errors = STR_INIT;
	struct child_exit exit;

	options.argv = argv;
	options.stdout_fd = CHILD_PIPE;
	options.stderr_fd = CHILD_PIPE;
	str_add(&out, "before");
	ck_assert_int_eq(child_run(&exit, &out, &errors, NULL, 0, 1000, &options, &err), 0);
	ck_assert_uint_eq(out.len, 1006);
	ck_assert_str_eq(errors.buf, "end");
	ck_assert(exit.lost_output);
	ck_assert_int_eq(exit.status, 0);
	str_release(&out);
	str_release(&errors);
}
END_TEST

START_TEST(merged_output_keeps_its_order)
{
	const char *const argv[] = { "sh", "-c", "echo 1; echo 2 >&2; echo 3; echo 4 >&2", NULL };
	struct child_options options = CHILD_OPTIONS_INIT;
	struct str out = STR_INIT;

	options.argv = argv;
	options.stdout_fd = CHILD_PIPE;
	options.merge_output = true;
	ck_assert_int_eq(child_run(NULL, &out, NULL, NULL, 0, 0, &options, &err), 0);
	ck_assert_str_eq(out.buf, "1\n2\n3\n4\n");
	str_release(&out);
}
END_TEST

START_TEST(only_the_descriptors_given_are_open)
{
	const char *const argv[] = { "sh", "-c", "ls /proc/$$/fd", NULL };
	struct child_options options = CHILD_OPTIONS_INIT;
	int keep = open("/dev/null", O_RDONLY | O_CLOEXEC), leak = open("/dev/null", O_RDONLY);
	struct str out = STR_INIT, want = STR_INIT;

	ck_assert_int_ge(leak, 3);
	options.argv = argv;
	options.stdout_fd = CHILD_PIPE;
	options.keep_fds = &keep;
	options.n_keep_fds = 1;
	ck_assert_int_eq(child_run(NULL, &out, NULL, NULL, 0, 0, &options, &err), 0);
	str_addf(&want, "0\n1\n2\n%d\n", keep);
	ck_assert_str_eq(out.buf, want.buf);
	close(keep);
	close(leak);
	str_release(&out);
	str_release(&want);
}
END_TEST

START_TEST(standard_descriptors_may_be_exchanged)
{
	/* Our 1 as its 2 and our 2 as its 1: each source is another's target. */
	const char *const argv[] = { "sh", "-c", "echo to-one; echo to-two >&2", NULL };
	struct child_options options = CHILD_OPTIONS_INIT;
	int pipes[2][2], old[2] = { dup(1), dup(2) };
	char text[2][16] = { "", "" };

	ck_assert_int_eq(pipe(pipes[0]) | pipe(pipes[1]), 0);
	ck_assert_int_eq(dup2(pipes[0][1], 1), 1);
	ck_assert_int_eq(dup2(pipes[1][1], 2), 2);
	options.argv = argv;
	options.stdout_fd = 2;
	options.stderr_fd = 1;
	int r = child_run(NULL, NULL, NULL, NULL, 0, 0, &options, &err);
	dup2(old[0], 1);
	dup2(old[1], 2);
	ck_assert_int_eq(r, 0);
	for (int i = 0; i < 2; i++) {
		close(pipes[i][1]);
		ck_assert_int_gt(read(pipes[i][0], text[i], sizeof(text[i]) - 1), 0);
		close(pipes[i][0]);
		close(old[i]);
	}
	ck_assert_str_eq(text[0], "to-two\n");
	ck_assert_str_eq(text[1], "to-one\n");
}
END_TEST

START_TEST(signals_are_as_a_fresh_process_has_them)
{
	struct str out = STR_INIT;
	sigset_t mask;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	ck_assert_int_eq(run(NULL, &out, NULL, "grep -E 'Sig(Blk|Ign)' /proc/self/status"), 0);
	unsigned long long blocked = 1, ignored = 1;

	ck_assert_int_eq(sscanf(out.buf, "SigBlk: %llx SigIgn: %llx", &blocked, &ignored), 2);
	ck_assert_uint_eq(blocked, 0);
	/* 32 and 33 belong to the C library, which lets nobody set them: a parent of ours may have ignored them. */
	ck_assert_uint_eq(ignored & ~0x180000000ULL, 0);
	str_release(&out);
}
END_TEST

START_TEST(a_child_leads_a_session_of_its_own)
{
	struct str out = STR_INIT;
	int pid = 0, group = 0, session = 0;

	ck_assert_int_eq(run(NULL, &out, NULL, "cut -d' ' -f1,5,6 /proc/$$/stat"), 0);
	ck_assert_int_eq(sscanf(out.buf, "%d %d %d", &pid, &group, &session), 3);
	ck_assert_int_eq(pid, group);
	ck_assert_int_eq(pid, session);
	ck_assert_int_ne(session, getsid(0));
	str_release(&out);
}
END_TEST

START_TEST(limits_hold_in_the_child)
{
	const char *const argv[] = { "sh", "-c", "ulimit -t; ulimit -n", NULL };
	const struct child_limit limits[] = { { RLIMIT_CPU, 33 }, { RLIMIT_NOFILE, 77 } };
	struct child_options options = CHILD_OPTIONS_INIT;
	struct str out = STR_INIT;

	options.argv = argv;
	options.stdout_fd = CHILD_PIPE;
	options.limits = limits;
	options.n_limits = 2;
	ck_assert_int_eq(child_run(NULL, &out, NULL, NULL, 0, 0, &options, &err), 0);
	ck_assert_str_eq(out.buf, "33\n77\n");
	str_release(&out);
}
END_TEST

START_TEST(a_limit_that_does_not_exist_is_an_error)
{
	const char *const argv[] = { "true", NULL };
	const struct child_limit limits[] = { { 12345, 1 } };
	struct child_options options = CHILD_OPTIONS_INIT;

	options.argv = argv;
	options.limits = limits;
	options.n_limits = 1;
	ck_assert_int_eq(child_run(NULL, NULL, NULL, NULL, 0, 0, &options, &err), -ERR_IO);
	ck_assert_str_eq(err.text, "cannot run true: cannot set resource limit 12345: Invalid argument");
}
END_TEST

START_TEST(the_child_writes_itself_into_each_control_group)
{
	const char *const argv[] = { "true", NULL };
	struct str a = STR_INIT, b = STR_INIT, text = STR_INIT;
	const char *groups[] = { NULL, NULL, NULL };
	struct child_options options = CHILD_OPTIONS_INIT;

	str_addf(&a, "%s/cgroup.procs", dir);
	str_addf(&b, "%s/missing/cgroup.procs", dir);
	groups[0] = a.buf;
	ck_assert_int_eq(file_write_atomic(a.buf, "", 0, 0644, &err), 0);
	options.argv = argv;
	options.cgroup_procs = groups;
	ck_assert_int_eq(child_run(NULL, NULL, NULL, NULL, 0, 0, &options, &err), 0);
	ck_assert_int_eq(file_read(&text, a.buf, 10, &err), 0);
	ck_assert_str_eq(text.buf, "0\n");
	groups[1] = b.buf;
	ck_assert_int_eq(child_run(NULL, NULL, NULL, NULL, 0, 0, &options, &err), -ERR_NOT_FOUND);
	ck_assert_ptr_nonnull(strstr(err.text, "cannot join the control group"));
	str_release(&a);
	str_release(&b);
	str_release(&text);
}
END_TEST

START_TEST(a_deadline_ends_the_whole_session)
{
	const char *const argv[] = { "bash", "-c", "set -m; sleep " LONG " & echo $!; wait", NULL };
	struct child_options options = CHILD_OPTIONS_INIT;
	struct str out = STR_INIT;
	struct child_exit exit;

	options.argv = argv;
	options.stdout_fd = CHILD_PIPE;
	options.timeout_ms = 200;
	ck_assert_int_eq(child_run(&exit, &out, NULL, NULL, 0, 0, &options, &err), 0);
	ck_assert(exit.timed_out);
	ck_assert_int_eq(exit.signal, SIGTERM);
	ck_assert_int_ge(exit.wall_ms, 200);
	/* `set -m` gave it a process group of its own (in bash: dash wants a terminal for that). */
	ck_assert_int_gt(atoi(out.buf), 1);
	wait_until_dead(atoi(out.buf));
	str_release(&out);
}
END_TEST

START_TEST(who_ignores_the_deadline_is_killed_after_the_grace)
{
	const char *const argv[] = { "sh", "-c", "trap '' TERM; echo x; while :; do sleep " LONG "; done", NULL };
	struct child_options options = CHILD_OPTIONS_INIT;
	struct child_exit exit;
	struct str out = STR_INIT;

	options.argv = argv;
	options.stdout_fd = CHILD_PIPE;
	options.timeout_ms = 200;
	options.grace_ms = 50;
	ck_assert_int_eq(child_run(&exit, &out, NULL, NULL, 0, 0, &options, &err), 0);
	ck_assert(exit.timed_out);
	ck_assert_int_eq(exit.signal, SIGKILL);
	str_release(&out);
}
END_TEST

START_TEST(what_a_child_leaves_behind_is_killed_and_holds_nobody_up)
{
	struct str out = STR_INIT;
	struct child_exit exit;

	ck_assert_int_eq(run(&exit, &out, NULL, "sleep " LONG " & echo $!"), 0);
	ck_assert_int_eq(exit.status, 0);
	ck_assert(!exit.timed_out);
	wait_until_dead(atoi(out.buf));
	str_release(&out);
}
END_TEST

START_TEST(a_failed_check_ends_in_its_last_line)
{
	const char *const good[] = { "echo", "out", NULL };
	const char *const bad[] = { "sh", "-c", "echo first >&2; printf 'last\\033[m\\n\\n' >&2; exit 3", NULL };
	const char *const late[] = { "sleep", LONG, NULL };
	struct str out = STR_INIT;

	ck_assert_int_eq(child_check(&out, good, NULL, 0, &err), 0);
	ck_assert_str_eq(out.buf, "out\n");
	ck_assert_int_eq(child_check(&out, bad, NULL, 0, &err), -ERR_FAILED);
	ck_assert_str_eq(err.text, "sh failed with status 3: last\\x1b[m");
	ck_assert_int_eq(child_check(NULL, late, NULL, 100, &err), -ERR_TIMEOUT);
	ck_assert_str_eq(out.buf, "out\n");
	str_release(&out);
}
END_TEST

START_TEST(an_exit_status_comes_also_where_sigchld_was_ignored)
{
	struct child_exit exit;

	signal(SIGCHLD, SIG_IGN);
	ck_assert_int_eq(run(&exit, NULL, NULL, "exit 5"), 0);
	ck_assert_int_eq(exit.status, 5);
}
END_TEST

START_TEST(a_child_dies_with_its_parent_unless_it_outlives_it)
{
	for (int outlives = 0; outlives < 2; outlives++) {
		int fds[2];
		pid_t parent, pid = 0;

		ck_assert_int_eq(pipe(fds), 0);
		parent = fork();
		ck_assert_int_ge(parent, 0);
		if (parent == 0) {
			const char *const argv[] = { "sleep", LONG, NULL };
			struct child_options options = CHILD_OPTIONS_INIT;
			struct child *child;

			options.argv = argv;
			options.outlives = outlives;
			if (child_start(&child, event_base_new(), &options, NULL, NULL) < 0)
				_exit(1);
			pid = child_pid(child);
			_exit(write(fds[1], &pid, sizeof(pid)) != (ssize_t)sizeof(pid));
		}
		close(fds[1]);
		ck_assert_int_eq(read(fds[0], &pid, sizeof(pid)), (ssize_t)sizeof(pid));
		ck_assert_int_eq(waitpid(parent, NULL, 0), parent);
		if (outlives) {
			ck_assert(is_alive(pid));
			kill(pid, SIGKILL);
		}
		wait_until_dead(pid);
		close(fds[0]);
	}
}
END_TEST

/* A pipe that every process of the session holds: it ends when the last one is gone. */
START_TEST(what_a_child_left_running_dies_with_a_killed_program_that_has_a_guard)
{
	static const char script[] = "sleep " LONG " & sh -mc 'sleep " LONG " & wait' & echo; exec sleep " LONG;
	int fds[2], status;
	char byte;
	pid_t parent;

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	parent = fork();
	ck_assert_int_ge(parent, 0);
	if (parent == 0) {
		const char *const argv[] = { "sh", "-c", script, NULL };
		struct child_options options = CHILD_OPTIONS_INIT;
		struct child_guard *guard = NULL;
		struct child *child;

		options.argv = argv;
		options.stdout_fd = fds[1];
		if (child_guard_start(&guard, NULL) < 0)
			_exit(1);
		options.guard = guard;
		if (child_start(&child, event_base_new(), &options, NULL, NULL) < 0)
			_exit(1);
		pause();
	}
	close(fds[1]);
	ck_assert_int_eq(read(fds[0], &byte, 1), 1);
	ck_assert_int_eq(kill(parent, SIGKILL), 0);
	ck_assert_int_eq(waitpid(parent, &status, 0), parent);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(read(fds[0], &byte, 1), 0);
	close(fds[0]);
}
END_TEST

START_TEST(a_guard_that_is_ended_kills_what_has_not_ended_and_nothing_else)
{
	const char *const argv[] = { "sleep", LONG, NULL };
	struct child_options options = CHILD_OPTIONS_INIT;
	struct child_guard *guard = NULL;
	struct child *known, *forgotten;

	options.argv = argv;
	ck_assert_int_eq(child_guard_start(&guard, &err), 0);
	ck_assert_int_eq(child_start(&known, loop, &options, NULL, &err), 0);
	ck_assert_int_eq(child_start(&forgotten, loop, &options, NULL, &err), 0);
	child_guard_add(guard, child_pid(known));
	child_guard_add(guard, child_pid(forgotten));
	child_guard_remove(guard, child_pid(forgotten));
	child_guard_free(guard);
	wait_until_dead(child_pid(known));
	ck_assert(is_alive(child_pid(forgotten)));
	child_free(known);
	child_free(forgotten);
	child_guard_free(NULL);
}
END_TEST

/* --- In a loop. --- */

struct seen {
	struct str out[3];
	struct child_exit exit;
	int exits;
	bool free_on_output, free_on_exit, pause_on_output;
	int outputs;
};

static void on_output(struct child *child, int stream, const char *bytes, size_t len, void *arg)
{
	struct seen *seen = arg;

	seen->outputs++;
	str_add_bytes(&seen->out[stream], bytes, len);
	if (seen->pause_on_output)
		child_pause(child, true);
	if (seen->free_on_output) {
		child_free(child);
		event_base_loopbreak(loop);
	}
}

static void on_exit_seen(struct child *child, const struct child_exit *exit, void *arg)
{
	struct seen *seen = arg;

	seen->exits++;
	seen->exit = *exit;
	if (seen->free_on_exit)
		child_free(child);
	event_base_loopbreak(loop);
}

static void on_too_late(evutil_socket_t fd, short what, void *arg)
{
	ck_abort_msg("the loop waits for what does not come");
}

static struct child *start(struct seen *seen, struct child_options *options, const char *script)
{
	const char *const argv[] = { "sh", "-c", script, NULL };
	const struct child_events events = { on_output, on_exit_seen, seen };
	struct child *child = NULL;

	options->argv = argv;
	options->stdout_fd = CHILD_PIPE;
	options->stderr_fd = CHILD_PIPE;
	str_init(&seen->out[1]);
	str_init(&seen->out[2]);
	ck_assert_int_eq(child_start(&child, loop, options, &events, &err), 0);
	return child;
}

static void dispatch(void)
{
	struct event *late = evtimer_new(loop, on_too_late, NULL);
	struct timeval tv = { .tv_sec = 20 };

	event_add(late, &tv);
	event_base_dispatch(loop);
	event_free(late);
}

static void release(struct seen *seen)
{
	str_release(&seen->out[1]);
	str_release(&seen->out[2]);
}

START_TEST(in_a_loop_all_output_comes_before_the_exit)
{
	struct child_options options = CHILD_OPTIONS_INIT;
	struct seen seen = { .free_on_exit = true };

	start(&seen, &options, "head -c 1000000 /dev/zero; echo e >&2; exit 9");
	dispatch();
	ck_assert_int_eq(seen.exits, 1);
	ck_assert_int_eq(seen.exit.status, 9);
	ck_assert_uint_eq(seen.out[1].len, 1000000);
	ck_assert_str_eq(seen.out[2].buf, "e\n");
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	release(&seen);
}
END_TEST

START_TEST(in_a_loop_a_deadline_holds)
{
	struct child_options options = CHILD_OPTIONS_INIT;
	struct seen seen = { .free_on_exit = true };

	options.timeout_ms = 100;
	options.grace_ms = 50;
	start(&seen, &options, "trap '' TERM; while :; do sleep " LONG "; done");
	dispatch();
	ck_assert_int_eq(seen.exits, 1);
	ck_assert(seen.exit.timed_out);
	ck_assert_int_eq(seen.exit.signal, SIGKILL);
	release(&seen);
}
END_TEST

START_TEST(in_a_loop_a_grandchild_cannot_hold_the_exit_back)
{
	struct child_options options = CHILD_OPTIONS_INIT;
	struct seen seen = { .free_on_exit = true };

	start(&seen, &options, "sleep " LONG " & echo $!");
	dispatch();
	ck_assert_int_eq(seen.exit.status, 0);
	ck_assert_int_lt(seen.exit.wall_ms, 1000);
	wait_until_dead(atoi(seen.out[1].buf));
	release(&seen);
}
END_TEST

START_TEST(a_killed_child_tells_its_signal_and_a_second_kill_is_fine)
{
	struct child_options options = CHILD_OPTIONS_INIT;
	struct seen seen = { 0 };
	struct child *child = start(&seen, &options, "sleep " LONG);

	child_kill(child, SIGTERM);
	dispatch();
	ck_assert_int_eq(seen.exit.signal, SIGTERM);
	child_kill(child, SIGKILL);
	child_free(child);
	child_free(NULL);
	release(&seen);
}
END_TEST

START_TEST(freeing_a_running_child_kills_it_without_a_call)
{
	struct child_options options = CHILD_OPTIONS_INIT;
	struct seen seen = { 0 };
	struct child *child = start(&seen, &options, "sleep " LONG);
	pid_t pid = child_pid(child);

	child_free(child);
	ck_assert(!is_alive(pid));
	ck_assert_int_eq(seen.exits, 0);
	release(&seen);
}
END_TEST

START_TEST(a_child_may_be_freed_by_its_own_output)
{
	struct child_options options = CHILD_OPTIONS_INIT;
	struct seen seen = { .free_on_output = true };
	pid_t pid = child_pid(start(&seen, &options, "echo x; echo y >&2; sleep " LONG));

	dispatch();
	ck_assert(!is_alive(pid));
	ck_assert_int_eq(seen.exits, 0);
	ck_assert_int_eq(seen.outputs, 1);
	release(&seen);
}
END_TEST

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
	child_pause(arg, false);
}

START_TEST(a_paused_child_loses_nothing_and_ends_after_resuming)
{
	struct child_options options = CHILD_OPTIONS_INIT;
	struct seen seen = { .pause_on_output = true };
	struct child *child = start(&seen, &options, "printf abc; exec 1>&-; printf def >&2; head -c 40000 /dev/zero >&2");
	struct event *resume = event_new(loop, -1, EV_PERSIST, on_resume, child);
	struct timeval tv = { .tv_usec = 5000 };

	event_add(resume, &tv);
	dispatch();
	event_free(resume);
	ck_assert_int_eq(seen.exits, 1);
	ck_assert_int_eq(seen.exit.status, 0);
	ck_assert_str_eq(seen.out[1].buf, "abc");
	ck_assert_uint_eq(seen.out[2].len, 40003);
	child_free(child);
	release(&seen);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base_child");
	TCase *tests = tcase_create("child");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, both_outputs_and_the_exit_status_come_back);
	tcase_add_test(tests, death_by_a_signal_is_128_and_the_signal);
	tcase_add_test(tests, a_program_that_is_not_there_is_an_error_with_its_name);
	tcase_add_test(tests, a_file_that_may_not_run_is_an_error);
	tcase_add_test(tests, a_missing_directory_is_an_error);
	tcase_add_test(tests, environment_and_directory_are_those_given);
	tcase_add_test(tests, arguments_reach_the_program_as_they_are);
	tcase_add_test(tests, input_larger_than_a_pipe_goes_in_and_comes_back);
	tcase_add_test(tests, output_past_the_limit_is_dropped_and_told);
	tcase_add_test(tests, merged_output_keeps_its_order);
	tcase_add_test(tests, only_the_descriptors_given_are_open);
	tcase_add_test(tests, standard_descriptors_may_be_exchanged);
	tcase_add_test(tests, signals_are_as_a_fresh_process_has_them);
	tcase_add_test(tests, a_child_leads_a_session_of_its_own);
	tcase_add_test(tests, limits_hold_in_the_child);
	tcase_add_test(tests, a_limit_that_does_not_exist_is_an_error);
	tcase_add_test(tests, the_child_writes_itself_into_each_control_group);
	tcase_add_test(tests, a_deadline_ends_the_whole_session);
	tcase_add_test(tests, who_ignores_the_deadline_is_killed_after_the_grace);
	tcase_add_test(tests, what_a_child_leaves_behind_is_killed_and_holds_nobody_up);
	tcase_add_test(tests, a_failed_check_ends_in_its_last_line);
	tcase_add_test(tests, an_exit_status_comes_also_where_sigchld_was_ignored);
	tcase_add_test(tests, a_child_dies_with_its_parent_unless_it_outlives_it);
	tcase_add_test(tests, what_a_child_left_running_dies_with_a_killed_program_that_has_a_guard);
	tcase_add_test(tests, a_guard_that_is_ended_kills_what_has_not_ended_and_nothing_else);
	tcase_add_test(tests, in_a_loop_all_output_comes_before_the_exit);
	tcase_add_test(tests, in_a_loop_a_deadline_holds);
	tcase_add_test(tests, in_a_loop_a_grandchild_cannot_hold_the_exit_back);
	tcase_add_test(tests, a_killed_child_tells_its_signal_and_a_second_kill_is_fine);
	tcase_add_test(tests, freeing_a_running_child_kills_it_without_a_call);
	tcase_add_test(tests, a_child_may_be_freed_by_its_own_output);
	tcase_add_test(tests, a_paused_child_loses_nothing_and_ends_after_resuming);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
