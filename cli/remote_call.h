/*
 * What the commands that speak to a bisectd share: their options, calls, what is printed of foreign words, and waiting.  A failure is
 * kept in remote->err, and remote_end tells it, once.
 */
#ifndef CLI_REMOTE_CALL_H
#define CLI_REMOTE_CALL_H

#include <jansson.h>
#include <stdio.h>

#include "base/http_client.h"
#include "base/settings.h"
#include "cli/job_input.h"

struct remote_values {
	char *server, *token_file;
	bool json;
	char *error_id, *job, *bad, *role, *commit, *confidence, *budget, *reproducible;
	struct strv good;
	bool again, wait, jobs, first_parent, fix, prior_from_error;
	long long limit;
	struct job_input_values job_input;
};

struct remote {
	struct remote_values values;
	const struct command *command;
	struct strv arguments;
	struct str token;
	struct error err;
	bool answered;		/* some HTTP server did: what is wrong is not the way it was called */
};

/*
 * -1 to go on, else the exit status.  From min to max arguments; `ids`: each of them is an id.  Look at remote->err before
 * going on.
 */
int remote_begin(struct remote *remote, const struct command *command, int argc, char **argv, size_t min, size_t max, bool ids);
/* Tells the error, if there is one, and gives the exit status: `status`, or where that is 0 what fits the error. */
int remote_end(struct remote *remote, int status);

/* ret is the caller's, on success; a status >= 400 is an error. */
int remote_call_raw(struct remote *remote, const char *method, const char *path, const char *type, const char *body,
	size_t len, struct http_answer *ret);
/* Takes over body (may be NULL); NULL is a failure. */
json_t *remote_call(struct remote *remote, const char *method, const char *path, json_t *body);
json_t *remote_get(struct remote *remote, const char *what, const char *id);	/* GET /api/v1/WHAT/ID */

/*
 * GET until `ended`.  A daemon that has answered before and is away for less than AWAY_MAX_MS is waited for.  NULL without an
 * error: interrupted.
 */
json_t *remote_wait(struct remote *remote, const char *what, const char *id,
	bool (*ended)(struct remote *remote, const json_t *object, void *arg), void *arg);
/* What to say and return where remote_wait gave nothing. */
int remote_not_waited(const struct remote *remote, const char *what, const char *command, const char *id);

void print_json(const json_t *object);
/* Lines for a person, of which many words came from elsewhere; what they hold beyond lines is shown, not done. */
void print_lines(FILE *file, const struct str *text);
void print_str(struct str *text);		/* to standard output, and releases it */
/* A line of what came from elsewhere: nothing in it steers the terminal. */
void put_foreign(const char *text);

/* In remote_bisect.c: a bisection goes on with --budget; with --wait it is watched to its end.  The exit status. */
int bisection_continue(struct remote *remote, const char *id);

/*
 * Reads `[KEY=VALUE...] job.yaml [KEY=VALUE...]` of the arguments for the daemon: *ret_text is what it gets.  After a refusal
 * remote_explain_job puts the place in the file in place of that in what was sent; it is harmless otherwise.  The input is released
 * in any case.
 */
int remote_read_job(struct remote *remote, struct job_input *ret_input, struct str *ret_text);
void remote_explain_job(struct remote *remote, struct job_input *input);

bool id_is_fine(const char *id);
const char *id_of(const json_t *object);	/* never NULL */

#endif
