/*
 * The common half of bisect-builder and bisect-tester: asks the daemon for units of work (long
 * poll), holds them under their leases, streams their logs, uploads and downloads artifacts, and
 * hands in results.  docs/api.md is the contract; nothing of the daemon's own code is used here.
 *
 * A kind of agent is one struct agent_kind; a unit under way is one struct run.  A run does one
 * step at a time: the kind starts a step (run_work, run_sandbox, run_store, run_fetch) and gets its
 * callback when the step is over; the last call is run_finish or run_release.  When the run is over
 * for another reason (cancelled, lease lost, the agent stops), no callback comes any more: as soon
 * as the step has ended, `stop` is called and the run is gone.
 *
 * The daemon away: work goes on, every call is repeated with pauses that grow to 5 s, until the
 * lease is lost. 409 (`stale`, `cancelled`): the run is killed at once and nothing is reported. On
 * disk: STATE/work/NAME with NAME.lock, held while the run lives; the next start removes what
 * nobody holds.
 */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/sandbox.h"
#include "base/error.h"
#include "base/settings.h"
#include "base/str.h"
#include "job/errorid.h"

struct agent;
struct run;

/* What both programs can be told; a program's own values start with this. */
struct agent_values {
	char *config, *server, *token_file, *state_dir, *name, *libexec_dir, *rules_dir, *log_level;
	struct strv hide;
	long long slots, memory, processes, file_size, patience;
	bool version;
};

#define AGENT_AT(field) offsetof(struct agent_values, field)

/* Rows of a program's settings table. */
#define AGENT_SETTINGS_SERVER \
	{ "", 0, SETTING_HEADING, 0, NULL, NULL, 0, 0, "The daemon", false }, \
	{ "config", 'c', SETTING_STRING, AGENT_AT(config), "FILE", NULL, 0, 0, \
		"Read settings from this YAML file (`name: value`).", true }, \
	{ "server", 's', SETTING_STRING, AGENT_AT(server), "URL", "http://127.0.0.1:8430", 0, 0, \
		"Where bisectd listens.", false }, \
	{ "token-file", 0, SETTING_STRING, AGENT_AT(token_file), "FILE", NULL, 0, 0, \
		"File with the token of role agent; without it none is sent.", false }, \
	{ "name", 0, SETTING_STRING, AGENT_AT(name), "NAME", NULL, 0, 0, \
		"Name of this agent in the daemon's lists; default: host name and kind.", false }, \
	{ "slots", 'j', SETTING_NUMBER, AGENT_AT(slots), "N", "1", 1, 256, \
		"Units of work done at once.", false }, \
	{ "patience", 0, SETTING_SECONDS, AGENT_AT(patience), "TIME", "2m", 1, 86400, \
		"How long a daemon that answers but cannot take or give an artifact (its store is full) is asked again before the " \
		"unit is given back.", false }
#define AGENT_SETTINGS_STATE(standard_state_dir, what) \
	{ "", 0, SETTING_HEADING, 0, NULL, NULL, 0, 0, "Directories", false }, \
	{ "state-dir", 'd', SETTING_STRING, AGENT_AT(state_dir), "DIR", standard_state_dir, 0, 0, what, false }
#define AGENT_SETTINGS_SANDBOX(standard_memory) \
	{ "", 0, SETTING_HEADING, 0, NULL, NULL, 0, 0, "The sandbox", false }, \
	{ "memory", 0, SETTING_BYTES, AGENT_AT(memory), "SIZE", standard_memory, 1 << 20, 1LL << 50, \
		"Memory of a run whose job names none.", false }, \
	{ "processes", 0, SETTING_NUMBER, AGENT_AT(processes), "N", "4096", 16, 1 << 22, \
		"Processes and threads of one run.", false }, \
	{ "file-size", 0, SETTING_BYTES, AGENT_AT(file_size), "SIZE", "8g", 1 << 20, 1LL << 50, \
		"Largest file that a run may write.", false }, \
	{ "hide", 0, SETTING_LIST, AGENT_AT(hide), "PATH", NULL, 0, 0, \
		"Directory or file of this host that no run sees, besides homes, /run, most of /var, and " \
		"this agent's own directories.", false }, \
	{ "libexec-dir", 0, SETTING_STRING, AGENT_AT(libexec_dir), "DIR", NULL, 0, 0, \
		"Where bisect-box is; default: beside this program, else where it was installed.", false }
#define AGENT_SETTINGS_OTHER \
	{ "", 0, SETTING_HEADING, 0, NULL, NULL, 0, 0, "Other", false }, \
	{ "rules-dir", 0, SETTING_STRING, AGENT_AT(rules_dir), "DIR", NULL, 0, 0, \
		"Directory with the rules of error ids (*.yaml); default: those installed with this program. If they cannot be " \
		"read, the agent ends and claims nothing.", false }, \
	{ "log-level", 0, SETTING_STRING, AGENT_AT(log_level), "LEVEL", "info", 0, 0, \
		"error, warning, info or debug.", false }, \
	{ "version", 'V', SETTING_FLAG, AGENT_AT(version), NULL, NULL, 0, 0, "Print the version.", true }, \
	{ NULL, 0, SETTING_HEADING, 0, NULL, NULL, 0, 0, NULL, false }

struct agent_kind {
	const char *name;		/* "builder" */
	const struct command *command;
	/*
	 * Once, before the first claim; *ret_context goes to the others.  hide: more paths to hide,
	 * absolute.
	 */
	int (*open)(void **ret_context, struct agent *agent, struct strv *hide, struct error *err);
	void (*close)(void *context);
	void (*lanes)(struct strv *ret, const struct agent *agent);
	/*
	 * A unit was claimed: begin, by starting the first step or with run_finish or run_release.
	 */
	void (*start)(struct run *run, void *context);
	/* The run is over, however it ended; no step is under way.  Releases run->own. */
	void (*stop)(struct run *run, void *context);
};

/* main() of an agent. */
int agent_main(const struct agent_kind *kind, int argc, char **argv);

const void *agent_values(const struct agent *agent);	/* the kind's own struct */
const char *agent_state_dir(const struct agent *agent);	/* absolute */
const char *agent_arch(const struct agent *agent);	/* "x86_64" */
unsigned agent_slots(const struct agent *agent);

/* --- One unit --- */

const json_t *run_payload(const struct run *run);	/* an object */
const char *run_text(const struct run *run, const char *key);	/* of the payload; NULL: absent or no string */
int64_t run_number(const struct run *run, const char *key);	/* 0: absent */
void run_texts(struct strv *ret, const struct run *run, const char *key);	/* an array of strings */
const char *run_directory(const struct run *run);	/* absolute; removed afterwards */
void run_path(struct str *ret, const struct run *run, const char *name);	/* in that directory */
struct agent *run_agent(const struct run *run);
void **run_own(struct run *run);			/* the kind's own data */
int64_t run_started_ms(const struct run *run);		/* wall clock */

uint64_t run_log_lines(const struct run *run);	/* ends of lines in the log so far */
/*
 * Into the log: the local file and, in pieces, the daemon.  Past 60 MiB it is cut, with a line that
 * says so.
 */
void run_log(struct run *run, const char *bytes, size_t len);
void run_logf(struct run *run, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *run_log_path(const struct run *run);

/* A step on a worker thread: `work` must touch nothing but *arg. */
void run_work(struct run *run, void (*work)(void *arg), void (*done)(struct run *run), void *arg);

/*
 * A step: the unit's script in the sandbox, as `sh [flag] /run/job/script` (flag may be NULL), with
 * the unit's env, memory and timeout.  Output goes to the log and to the extractor (may be NULL).
 * options: argv, env and bounds are filled in here, env_more comes before the job's.
 */
struct run_script {
	const char *script, *flag;
	const char *const *env_more;
	struct sandbox_options options;
	struct extractor *extractor;
};
void run_sandbox(struct run *run, const struct run_script *script,
	void (*done)(struct run *run, const struct sandbox_end *end));

/*
 * A step: the file becomes an artifact of the daemon, unless it has it.  sha256 is its name, known
 * to the caller.
 */
void run_store(struct run *run, const char *path, const char *sha256, void (*done)(struct run *run));
/*
 * A step: the artifact is written to path.  err: it is not there, or not what its name says
 * (ERR_CORRUPT).
 */
void run_fetch(struct run *run, const char *path, const char *sha256,
	void (*done)(struct run *run, const struct error *err));

void run_finish(struct run *run, json_t *result);	/* takes result */
/* The farm's fault: somebody runs it again.  This box's, as far as can be seen from here. */
void run_release(struct run *run, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
enum fault {
	FAULT_BOX,
	FAULT_UNIT,		/* the unit wants more than it may have: counts against no box */
	FAULT_FARM,		/* the daemon's, or what all boxes share: no attempt, it just waits */
	FAULT_STOP,		/* the agent has to go: as if it had never had it */
	FAULT_NKINDS
};
void run_release_for(struct run *run, enum fault fault, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* From 1: how often the unit was claimed, by whomever. */
unsigned run_attempt(const struct run *run);
/* The disk of this run was full at some moment of the sandbox step that has ended. */
bool run_disk_was_full(const struct run *run);

/* --- Parts of results --- */

json_t *result_usage(const struct sandbox_end *end);
json_t *result_errors(const struct extractor *extractor);	/* NULL gives [] */
json_t *result_metrics(const struct extractor *extractor);	/* {"<suite>.<name>": number} */
json_t *result_passed(struct extractor *extractor);	/* passed_cases_text() of job/passed_cases.h; null: none */
json_t *result_string(const char *text);	/* foreign text; never fails; NULL gives null */

/* True if the file system of path is nearly full. */
bool disk_is_full(const char *path);

#endif
