/* Requests: a bisection is asked for, taken up after a restart, cancelled; and what others want to know of those that are open. */
#include "bisectd/bisection.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "job/errorid.h"

#define REVISION_MAX 256
#define NAMES_MAX 100		/* so many results are looked at for how an error is called */

static int check_revision(const char *what, const char *revision, struct error *err)
{
	if (!*revision || *revision == '-' || strlen(revision) > REVISION_MAX ||
		strpbrk(revision, " \t\n"))
		return error_set(err, ERR_INVALID,
			"%s revision '%.80s': found something that is no revision, allowed is a commit, tag or branch of at most %d bytes",
			what, revision, REVISION_MAX);
	return 0;
}

static void dedupe_key(const struct bisection *b, char hex[HASH_HEX_LEN + 1])
{
	struct hash *h = hash_new();

	hash_add_field(h, b->job->upstream_url);
	hash_add_field(h, b->row.error_id);
	hash_add_field(h, b->row.identity);
	/* What was asked before there were options has its key still. */
	if (b->options.first_parent)
		hash_add_field(h, "first_parent");
	if (b->options.fix)
		hash_add_field(h, "fix");
	hash_finish(h, hex);
}

static void funnel(struct daemon *daemon, const char *stage, const char *reason)
{
	struct error err = ERROR_INIT;

	if (warehouse_funnel_count(daemon->warehouse, stage, reason, clock_wall_ms(), &err) < 0)
		log_warning("cannot count a request: %s", err.text);
}

int bisections_check(const struct bisection_request *request, struct error *err)
{
	struct bisection_options options;
	int r = bisection_options_read(&options, request->options, err);

	if (r < 0)
		return r;
	if (!request->error_id || !*request->error_id || strlen(request->error_id) > 1000)
		return error_set(err, ERR_INVALID,
			"error_id: found %s, allowed is the id of an error, 1 to 1000 bytes",
			request->error_id && *request->error_id ? "more" : "nothing");
	if (options.fix && request->good->n != 1)
		return error_set(err, ERR_INVALID, "good: found %zu commits; to find a fix, one without the error is needed",
			request->good->n);
	for (size_t i = 0; i < request->good->n && r == 0; i++)
		r = check_revision("good", request->good->v[i], err);
	if (r == 0 && request->bad)
		r = check_revision("bad", request->bad, err);
	return r;
}

static bool has_budget(const json_t *options)
{
	return json_object_get(options, "max_runs") || json_object_get(options, "max_seconds");
}

static bool is_undecided(const struct bisection_row *row)
{
	const char *kind = json_string_value(json_object_get(row->verdict, "verdict"));

	return !strcmp(row->state, "done") && kind && !strcmp(kind, "undecided");
}

/* How errors are called by the runs of a job identity. */
struct naming {
	const char *identity, *asked;
	char *id;		/* of the error that goes by the name asked for; NULL: none was seen */
	bool several;		/* another system's name may stand for more than one of ours */
};

static bool note_name(const struct result_row *row, void *arg)
{
	struct naming *naming = arg;
	json_t *error;
	size_t i;

	if (!row->identity || strcmp(row->identity, naming->identity))
		return true;
	json_array_foreach(row->errors, i, error) {
		const char *id = json_string_value(json_object_get(error, "id"));

		if (!id || !error_is_called(error, naming->asked))
			continue;
		if (naming->id && strcmp(naming->id, id))
			naming->several = true;
		bisection_set_text(&naming->id, id);
	}
	return !naming->several;
}

/*
 * The id of the error asked for as our runs show it, whichever system's spelling was used: a question asked in two spellings is one.
 * Before a run has shown it, and where the spelling covers several errors, it is the id as it was asked for.
 */
static int own_error_id(struct daemon *daemon, const char *identity, const char *asked, char **ret, struct error *err)
{
	struct naming naming = { .identity = identity, .asked = asked };
	int r = warehouse_results_with_error(daemon->warehouse, asked, NAMES_MAX, note_name, &naming, err);

	*ret = naming.id && !naming.several ? mem_strdup(naming.id) : errorid_plain_source(asked);
	free(naming.id);
	return r;
}

/* *ret_more: it has ended undecided, and there is a budget to go on with. */
static int request_new(struct daemon *daemon, const struct bisection_request *request,
	struct bisection *b, bool *ret_existing, bool *ret_more, struct error *err)
{
	struct job_row job;
	struct bisection_row old;
	struct str good = STR_INIT;
	char key[HASH_HEX_LEN + 1], id[13];
	int r = warehouse_job_get(daemon->warehouse, request->job_id, &job, err);

	if (r < 0)
		return r == -ERR_NOT_FOUND ?
			error_set(err, ERR_NOT_FOUND, "no job '%.40s'", request->job_id) : r;
	r = job_of_row(&b->job, &job, err);
	if (r < 0)
		goto out;
	b->daemon = daemon;
	r = bisection_options_read(&b->options, request->options, err);
	if (r < 0)
		goto out;
	b->row.identity = mem_strdup(job.identity);
	r = own_error_id(daemon, job.identity, request->error_id, &b->row.error_id, err);
	if (r < 0)
		goto out;
	dedupe_key(b, key);
	if (!request->again &&
		warehouse_bisection_find(daemon->warehouse, key, &old, NULL) == 0) {
		b->row.id = mem_strdup(old.id);
		*ret_more = is_undecided(&old) && has_budget(request->options);
		bisection_row_release(&old);
		*ret_existing = true;
		r = 0;
		goto out;
	}
	random_hex(id, 6);
	for (size_t i = 0; i < request->good->n; i++)
		str_addf(&good, "%s%s", i ? " " : "", request->good->v[i]);
	b->row.id = mem_strdup(id);
	b->row.dedupe_key = mem_strdup(key);
	b->row.job_id = mem_strdup(job.id);
	b->row.good = good.len ? str_detach(&good) : NULL;
	b->row.bad = mem_strdup(request->bad ? request->bad :
		job.commit		     ? job.commit :
					       b->job->upstream_commit);
	if (b->options.fix) {
		char *newer = b->row.good;

		b->row.good = b->row.bad;
		b->row.bad = newer;
	}
	b->row.state = mem_strdup("waiting");
	b->row.phase = mem_strdup("fetch");
	b->row.submitter = mem_strdup(request->submitter);
	b->row.created_ms = clock_wall_ms();
	b->row.options = request->options ? json_deep_copy(request->options) : json_object();
	b->build_only = str_has_prefix(b->row.error_id, "build-pkg.");
	*ret_existing = false;
	r = bisection_store(b, NULL, err);
out:
	str_release(&good);
	job_row_release(&job);
	return r;
}

int bisections_request(struct daemon *daemon, const struct bisection_request *request,
	char ret_id[13], bool *ret_existing, bool *ret_continued, struct error *err)
{
	struct bisection *b = NULL;
	bool more = false;
	int r;

	funnel(daemon, "seen", "");
	r = bisections_check(request, err);
	if (r < 0)
		goto refuse;
	b = mem_alloc(sizeof(*b));
	r = request_new(daemon, request, b, ret_existing, &more, err);
	if (r == 0 && more)
		r = bisections_continue(daemon, b->row.id, request->options, err);
	if (r < 0)
		goto refuse;
	*ret_continued = more;
	snprintf(ret_id, 13, "%s", b->row.id);
	if (*ret_existing) {
		if (more)
			funnel(daemon, "taken", "goes on");
		else
			funnel(daemon, "refused", "exists already");
		bisection_free(b);
		return 0;
	}
	funnel(daemon, "taken", "");
	b->next = daemon->bisections;
	daemon->bisections = b;
	daemon_wake(daemon);
	return 0;
refuse:
	funnel(daemon, "refused", error_code_name((enum error_code)-r));
	bisection_free(b);
	return r;
}

/* Row, job and journal, on failure as far as they could be read. */
static int read_bisection(struct bisection *b, struct daemon *daemon, const char *id, struct error *err)
{
	struct job_row job = { 0 };
	int r;

	b->daemon = daemon;
	r = warehouse_bisection_get(daemon->warehouse, id, &b->row, err);
	if (r < 0)
		goto out;
	r = warehouse_job_get(daemon->warehouse, b->row.job_id, &job, err);
	if (r < 0)
		goto out;
	r = job_of_row(&b->job, &job, err);
	if (r < 0)
		goto out;
	b->build_only = str_has_prefix(b->row.error_id, "build-pkg.");
	r = bisection_options_read(&b->options, b->row.options, err);
	if (r == 0)
		r = probes_load(b, err);
out:
	job_row_release(&job);
	return r;
}

static int resume_one(struct daemon *daemon, const char *id, struct error *err)
{
	struct bisection *b = mem_alloc(sizeof(*b));
	int r = read_bisection(b, daemon, id, err);

	/* What is lost or damaged stays so: it must not stand in the way of the same question asked again. */
	if (r == -ERR_NOT_FOUND || r == -ERR_INVALID || r == -ERR_CORRUPT || r == -ERR_LIMIT) {
		error_prefix(err, "it cannot go on after a restart");
		log_error("bisection %s: %s", id, err->text);
		bisection_set_text(&b->row.state, "failed");
		bisection_set_text(&b->row.message, err->text);
		b->row.finished_ms = clock_wall_ms();
		r = b->row.id ? bisection_store(b, "done", err) :
			warehouse_bisection_give_up(daemon->warehouse, id, b->row.message, clock_wall_ms(), err);
		bisection_free(b);
		return r;
	}
	if (r < 0) {
		bisection_free(b);
		return r;
	}
	b->next = daemon->bisections;
	daemon->bisections = b;
	log_info("bisection %s goes on: %zu runs are known", id, probes_count_runs(b));
	return 0;
}

int bisections_resume(struct daemon *daemon, struct error *err)
{
	struct strv ids = STRV_INIT;
	int r = warehouse_open_bisections(daemon->warehouse, &ids, err);

	for (size_t i = 0; i < ids.n && r == 0; i++)
		r = resume_one(daemon, ids.v[i], err);
	strv_release(&ids);
	return r;
}

static struct bisection *find_open(const struct daemon *daemon, const char *id)
{
	struct bisection *b = daemon->bisections;

	while (b && strcmp(b->row.id, id))
		b = b->next;
	return b;
}

/* The options of b with a budget that is counted from now on. */
static int add_options(const struct bisection *b, const json_t *given, json_t **ret, struct bisection_options *ret_read,
	struct error *err)
{
	struct bisection_options options;
	json_t *sum;
	int r = bisection_options_read(&options, given, err);

	if (r < 0)
		return r;
	if (!has_budget(given))
		return error_set(err, ERR_INVALID, "options: found neither \"max_runs\" nor \"max_seconds\", what it goes on with");
	if ((json_object_get(given, "fix") && options.fix != b->options.fix) ||
		(json_object_get(given, "first_parent") && options.first_parent != b->options.first_parent))
		return error_set(err, ERR_INVALID, "options: \"fix\" and \"first_parent\" make another question, ask it as a new one");
	sum = b->row.options ? json_deep_copy(b->row.options) : json_object();
	json_object_del(sum, "max_runs");
	json_object_del(sum, "max_seconds");
	json_object_update(sum, (json_t *)given);
	if (options.max_runs)
		json_object_set_new(sum, "max_runs", json_integer((json_int_t)(probes_count_own(b) + options.max_runs)));
	if (options.max_seconds)
		json_object_set_new(sum, "max_seconds",
			json_integer((clock_wall_ms() - b->row.created_ms) / 1000 + options.max_seconds));
	r = bisection_options_read(ret_read, sum, err);
	if (r < 0)
		json_decref(sum);
	else
		*ret = sum;
	return r;
}

/* As store_end in bisection.c: stored, or as it was. */
static int store_options(struct bisection *b, json_t *sum, const struct bisection_options *options, struct error *err)
{
	json_t *before = b->row.options;
	int r;

	b->row.options = sum;
	r = bisection_store(b, NULL, err);
	if (r < 0) {
		b->row.options = before;
		json_decref(sum);
		return r;
	}
	json_decref(before);
	b->options = *options;
	return 0;
}

static int extend_open(struct bisection *b, const json_t *given, struct error *err)
{
	struct bisection_options options;
	const char *key;
	json_t *value, *sum;
	int r;

	if (b->end_state)
		return error_set(err, ERR_UNAVAILABLE, "the end of bisection %s is being written", b->row.id);
	json_object_foreach((json_t *)given, key, value)
		if (strcmp(key, "max_runs") != 0 && strcmp(key, "max_seconds") != 0)
			return error_set(err, ERR_INVALID,
				"options: found \"%.80s\"; while a bisection is running allowed are max_runs, max_seconds", key);
	r = add_options(b, given, &sum, &options, err);
	return r < 0 ? r : store_options(b, sum, &options, err);
}

static int reopen(struct daemon *daemon, const char *id, const json_t *given, struct error *err)
{
	struct bisection *b = mem_alloc(sizeof(*b));
	struct bisection_options options;
	json_t *sum;
	int r = read_bisection(b, daemon, id, err);

	if (r == 0 && !is_undecided(&b->row))
		r = error_set(err, ERR_EXISTS, "bisection %s has ended: %s%s%s; only an undecided one goes on", id, b->row.state,
			b->row.message ? ", " : "", b->row.message ? b->row.message : "");
	if (r == 0)
		r = add_options(b, given, &sum, &options, err);
	if (r < 0)
		goto out;
	bisection_set_text(&b->row.state, "running");
	bisection_set_text(&b->row.phase, "fetch");
	bisection_set_text(&b->row.message, NULL);
	b->row.finished_ms = 0;
	json_decref(b->row.verdict);
	json_decref(b->row.range);
	b->row.verdict = b->row.range = NULL;
	r = store_options(b, sum, &options, err);
	if (r < 0)
		goto out;
	log_info("bisection %s goes on with a further budget: %zu runs are known", id, probes_count_runs(b));
	b->next = daemon->bisections;
	daemon->bisections = b;
	daemon_wake(daemon);
	b = NULL;
out:
	bisection_free(b);
	return r;
}

int bisections_continue(struct daemon *daemon, const char *id, const json_t *options, struct error *err)
{
	struct bisection *b = find_open(daemon, id);

	return b ? extend_open(b, options, err) : reopen(daemon, id, options, err);
}

int bisections_cancel(struct daemon *daemon, const char *id, struct error *err)
{
	struct bisection *b = find_open(daemon, id);
	struct bisection_row row;
	int r;

	if (!b) {
		r = warehouse_bisection_get(daemon->warehouse, id, &row, err);
		if (r < 0)
			return r;
		r = error_set(err, ERR_CANCELLED, "bisection %s has ended already: %s", id,
			row.state);
		bisection_row_release(&row);
		return r;
	}
	if (!b->end_state)
		bisection_decide(b, "cancelled", "cancelled on request", NULL);
	r = bisection_try_end(b, err);
	return r < 0 ? error_prefix(err, "it is stopped, which cannot be written now and is tried again") : 0;
}

/* Those of a journal that was not replayed yet count: their bisection is about to ask for them again. */
static bool bisection_wants(const struct bisection *b, const char *unit)
{
	for (size_t i = 0; i < b->n_probes; i++) {
		const struct probe *probe = b->probes[i];

		if ((probe->open || probe->orphan) && (!strcmp(probe->plan.build_unit, unit) ||
			!strcmp(probe->plan.test_unit, unit)))
			return true;
	}
	return false;
}

bool bisections_want(const struct daemon *daemon, const char *unit)
{
	for (const struct bisection *b = daemon->bisections; b; b = b->next)
		if (bisection_wants(b, unit))
			return true;
	return false;
}

bool bisections_one_wants(const struct daemon *daemon, const char *id, const char *unit)
{
	for (const struct bisection *b = daemon->bisections; b; b = b->next)
		if (!strcmp(b->row.id, id))
			return bisection_wants(b, unit);
	return false;
}

void bisections_tests_of(const struct daemon *daemon, const char *build_key, struct strv *ret)
{
	for (const struct bisection *b = daemon->bisections; b; b = b->next)
		for (size_t i = 0; i < b->n_probes; i++)
			if (b->probes[i]->open && !strcmp(b->probes[i]->plan.build_key, build_key))
				strv_push(ret, b->probes[i]->plan.test_unit);
}

void bisections_result_came(struct daemon *daemon, const char *identity)
{
	for (struct bisection *b = daemon->bisections; b; b = b->next)
		if (identity && !strcmp(b->row.identity, identity))
			b->results_came = true;
}

void bisections_exhausted(struct daemon *daemon, const char *unit, const char *why)
{
	for (struct bisection *b = daemon->bisections; b; b = b->next)
		for (size_t i = 0; i < b->n_probes; i++)
			if (b->probes[i]->open && !b->probes[i]->exhausted &&
				(!strcmp(b->probes[i]->plan.build_unit, unit) ||
					!strcmp(b->probes[i]->plan.test_unit, unit)))
				b->probes[i]->exhausted = mem_strdup(why);
}

void bisections_free(struct daemon *daemon)
{
	while (daemon->bisections) {
		struct bisection *b = daemon->bisections;

		daemon->bisections = b->next;
		bisection_free(b);
	}
}
