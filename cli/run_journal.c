#include "cli/run_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"

#define JOURNAL_MAX (256u << 20)

struct journal {
	char *dir;
	char *path;
	int fd;
};

static const char *const observation_names[OBSERVED_NKINDS] = {
	[OBSERVED_GOOD] = "good",
	[OBSERVED_BAD] = "bad",
	[OBSERVED_SKIP] = "skip",
	[OBSERVED_BROKEN] = "broken",
};

const char *observation_name(enum observation observation)
{
	return observation_names[observation];
}

void run_plan_release(struct run_plan *plan)
{
	strv_release(&plan->good);
	strv_release(&plan->command);
	strv_release(&plan->prior_files);
	free(plan->build);
	free(plan->error_id);
	free(plan->match);
	free(plan->metric);
	free(plan->directory);
	free(plan->rules_dir);
	memset(plan, 0, sizeof(*plan));
}

const char *run_plan_new_end(const struct run_plan *plan)
{
	return plan->fix ? plan->good.v[0] : plan->bad;
}

/* --- Text in JSON.  A command line may hold bytes that are no UTF-8: those strings are {"hex": "..."}. --- */

static json_t *text_to_json(const char *text)
{
	json_t *json;
	struct str hex = STR_INIT;

	if (!text)
		return json_null();
	json = json_string(text);
	if (json)
		return json;
	for (const unsigned char *p = (const unsigned char *)text; *p; p++)
		str_addf(&hex, "%02x", *p);
	json = json_pack("{s:s}", "hex", hex.buf);
	str_release(&hex);
	return json;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* NULL if json is no text. */
static char *text_from_json(const json_t *json)
{
	const char *hex = json_string_value(json_object_get(json, "hex"));
	struct str text = STR_INIT;

	if (json_is_string(json))
		return mem_strdup(json_string_value(json));
	if (!hex)
		return NULL;
	for (; hex[0]; hex += 2) {
		int high = hex_digit(hex[0]), low = hex_digit(hex[1]);

		if (high < 0 || low < 0) {
			str_release(&text);
			return NULL;
		}
		str_add_char(&text, (char)(high << 4 | low));
	}
	if (!text.len)
		return mem_strdup("");
	return str_detach(&text);
}

static json_t *list_to_json(const struct strv *list)
{
	json_t *json = json_array();

	for (size_t i = 0; i < list->n; i++)
		json_array_append_new(json, text_to_json(list->v[i]));
	return json;
}

static bool list_from_json(struct strv *ret, const json_t *json)
{
	if (!json_is_array(json))
		return false;
	for (size_t i = 0; i < json_array_size(json); i++) {
		char *text = text_from_json(json_array_get(json, i));

		if (!text)
			return false;
		strv_push(ret, text);
		free(text);
	}
	return true;
}

static bool hex_from_json(char ret[GIT_HEX + 1], const json_t *json)
{
	const char *hex = json_string_value(json);

	if (!hex || !hash_is_hex(hex, GIT_HEX))
		return false;
	memcpy(ret, hex, GIT_HEX + 1);
	return true;
}

/* --- The three kinds of line --- */

static json_t *plan_to_json(const struct run_plan *plan)
{
	json_t *json = json_object();

	json_object_set_new(json, "version", json_integer(1));
	json_object_set_new(json, "started_ms", json_integer(plan->started_ms));
	json_object_set_new(json, "bad", json_string(plan->bad));
	json_object_set_new(json, "good", list_to_json(&plan->good));
	json_object_set_new(json, "command", list_to_json(&plan->command));
	json_object_set_new(json, "build", text_to_json(plan->build));
	json_object_set_new(json, "error_id", text_to_json(plan->error_id));
	json_object_set_new(json, "match", text_to_json(plan->match));
	if (plan->metric) {
		json_object_set_new(json, "metric", text_to_json(plan->metric));
		json_object_set_new(json, "direction", json_integer(plan->direction));
		json_object_set_new(json, "samples", json_integer(plan->samples));
	}
	if (plan->rules_dir)
		json_object_set_new(json, "rules_dir", text_to_json(plan->rules_dir));
	json_object_set_new(json, "directory", text_to_json(plan->directory));
	json_object_set_new(json, "trust", json_boolean(plan->trust));
	json_object_set_new(json, "trust_ends", json_boolean(plan->trust_ends));
	json_object_set_new(json, "flaky", json_boolean(plan->flaky));
	json_object_set_new(json, "clean", json_boolean(plan->clean));
	json_object_set_new(json, "first_parent", json_boolean(plan->first_parent));
	json_object_set_new(json, "fix", json_boolean(plan->fix));
	json_object_set_new(json, "prior_from_error", json_boolean(plan->prior_from_error));
	json_object_set_new(json, "timeout_s", json_integer(plan->timeout_s));
	json_object_set_new(json, "confidence", json_real(plan->confidence));
	json_object_set_new(json, "budget", json_integer(plan->budget));
	json_object_set_new(json, "budget_s", json_integer(plan->budget_s));
	json_object_set_new(json, "jobs", json_integer(plan->jobs));
	return json;
}

static bool plan_from_json(struct run_plan *ret, const json_t *json)
{
	struct run_plan plan = { .started_ms = 0 };

	if (json_integer_value(json_object_get(json, "version")) != 1 ||
		!hex_from_json(plan.bad, json_object_get(json, "bad")) ||
		!list_from_json(&plan.good, json_object_get(json, "good")) ||
		!list_from_json(&plan.command, json_object_get(json, "command")))
		goto wrong;
	for (size_t i = 0; i < plan.good.n; i++)
		if (!hash_is_hex(plan.good.v[i], GIT_HEX))
			goto wrong;
	plan.build = text_from_json(json_object_get(json, "build"));
	plan.error_id = text_from_json(json_object_get(json, "error_id"));
	plan.match = text_from_json(json_object_get(json, "match"));
	plan.metric = text_from_json(json_object_get(json, "metric"));
	plan.direction = (enum metric_direction)json_integer_value(json_object_get(json, "direction"));
	plan.samples = json_integer_value(json_object_get(json, "samples"));
	plan.directory = text_from_json(json_object_get(json, "directory"));
	plan.rules_dir = text_from_json(json_object_get(json, "rules_dir"));
	if (!plan.good.n || (!plan.command.n && !plan.build) || !plan.directory ||
		(plan.metric && ((unsigned)plan.direction >= METRIC_NDIRECTIONS || plan.samples < METRIC_LEAST)))
		goto wrong;
	plan.started_ms = json_integer_value(json_object_get(json, "started_ms"));
	plan.trust = json_is_true(json_object_get(json, "trust"));
	plan.trust_ends = json_is_true(json_object_get(json, "trust_ends"));
	plan.flaky = json_is_true(json_object_get(json, "flaky"));
	plan.clean = json_is_true(json_object_get(json, "clean"));
	plan.first_parent = json_is_true(json_object_get(json, "first_parent"));
	plan.fix = json_is_true(json_object_get(json, "fix"));
	plan.prior_from_error = json_is_true(json_object_get(json, "prior_from_error"));
	plan.timeout_s = json_integer_value(json_object_get(json, "timeout_s"));
	plan.confidence = json_number_value(json_object_get(json, "confidence"));
	plan.budget = json_integer_value(json_object_get(json, "budget"));
	plan.budget_s = json_integer_value(json_object_get(json, "budget_s"));
	plan.jobs = json_integer_value(json_object_get(json, "jobs"));
	*ret = plan;
	return true;
wrong:
	run_plan_release(&plan);
	return false;
}

static json_t *record_to_json(const struct run_record *record)
{
	json_t *json = json_object();

	json_object_set_new(json, "commit", json_string(record->commit));
	json_object_set_new(json, "observation", json_string(observation_names[record->observation]));
	json_object_set_new(json, "purpose", json_string(search_purpose_name(record->purpose)));
	json_object_set_new(json, "sequence", json_integer(record->sequence));
	json_object_set_new(json, "exit_status",
		record->exit_status < 0 ? json_null() : json_integer(record->exit_status));
	json_object_set_new(json, "timed_out", json_boolean(record->timed_out));
	json_object_set_new(json, "built", json_boolean(record->built));
	json_object_set_new(json, "exact_error", json_boolean(record->exact_error));
	json_object_set_new(json, "error_at", json_integer(record->error_at));
	if (isfinite(record->value))
		json_object_set_new(json, "value", json_real(record->value));
	if (record->is_sample)
		json_object_set_new(json, "sample", json_true());
	json_object_set_new(json, "wall_ms", json_integer(record->wall_ms));
	json_object_set_new(json, "elapsed_ms", json_integer(record->elapsed_ms));
	return json;
}

static bool record_from_json(struct run_record *ret, const json_t *json)
{
	const char *observation = json_string_value(json_object_get(json, "observation"));
	const char *purpose = json_string_value(json_object_get(json, "purpose"));
	const json_t *status = json_object_get(json, "exit_status"), *at = json_object_get(json, "error_at");
	const json_t *value = json_object_get(json, "value");
	struct run_record record = { .observation = OBSERVED_NKINDS, .purpose = PURPOSE_SEARCH };

	if (!observation || !purpose || !hex_from_json(record.commit, json_object_get(json, "commit")))
		return false;
	for (unsigned i = 0; i < OBSERVED_NKINDS; i++)
		if (!strcmp(observation, observation_names[i]))
			record.observation = i;
	for (unsigned i = 0; i < PURPOSE_NKINDS; i++)
		if (!strcmp(purpose, search_purpose_name(i)))
			record.purpose = i;
	if (record.observation == OBSERVED_NKINDS)
		return false;
	record.sequence = (unsigned)json_integer_value(json_object_get(json, "sequence"));
	record.exit_status = json_is_integer(status) ? (int)json_integer_value(status) : -1;
	record.timed_out = json_is_true(json_object_get(json, "timed_out"));
	record.built = json_is_true(json_object_get(json, "built"));
	record.exact_error = json_is_true(json_object_get(json, "exact_error"));
	record.error_at = json_is_integer(at) ? json_integer_value(at) : -1;
	record.value = json_is_number(value) ? json_number_value(value) : NAN;
	record.is_sample = json_is_true(json_object_get(json, "sample"));
	record.wall_ms = json_integer_value(json_object_get(json, "wall_ms"));
	record.elapsed_ms = json_integer_value(json_object_get(json, "elapsed_ms"));
	*ret = record;
	return true;
}

static json_t *note_to_json(const struct run_plan *plan, int64_t elapsed_ms)
{
	return json_pack("{s:s, s:I, s:I, s:I}", "note", "session", "budget", (json_int_t)plan->budget, "budget_s",
		(json_int_t)plan->budget_s, "elapsed_ms", (json_int_t)elapsed_ms);
}

static bool note_from_json(struct run_plan *plan, int64_t *ret_elapsed_ms, const json_t *json)
{
	const char *note = json_string_value(json_object_get(json, "note"));

	if (!note)
		return false;
	if (!strcmp(note, "prior")) {
		strv_release(&plan->prior_files);
		plan->prior_known = list_from_json(&plan->prior_files, json_object_get(json, "files"));
		return plan->prior_known;
	}
	if (strcmp(note, "session") != 0)
		return false;
	plan->budget = json_integer_value(json_object_get(json, "budget"));
	plan->budget_s = json_integer_value(json_object_get(json, "budget_s"));
	*ret_elapsed_ms = json_integer_value(json_object_get(json, "elapsed_ms"));
	return true;
}

/* One line with its newline; frees json. */
static void line_of(struct str *ret, json_t *json)
{
	char *text = json_dumps(json, JSON_COMPACT);

	str_add(ret, text);
	str_add_char(ret, '\n');
	free(text);
	json_decref(json);
}

/* --- The file --- */

static struct journal *journal_new(const char *dir)
{
	struct journal *journal = mem_alloc(sizeof(*journal));

	journal->dir = mem_strdup(dir);
	journal->path = mem_printf("%s/run.jsonl", dir);
	journal->fd = -1;
	return journal;
}

void journal_free(struct journal *journal)
{
	if (!journal)
		return;
	file_close(&journal->fd);
	free(journal->dir);
	free(journal->path);
	free(journal);
}

bool journal_exists(const char *dir)
{
	char *path = mem_printf("%s/run.jsonl", dir);
	bool exists = !access(path, F_OK);

	free(path);
	return exists;
}

static int journal_open(struct journal *journal, struct error *err)
{
	journal->fd = open(journal->path, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (journal->fd < 0)
		return error_errno(err, errno, "cannot open %s", journal->path);
	return 0;
}

int journal_begin(struct journal **ret, const char *dir, const struct run_plan *plan, struct error *err)
{
	struct journal *journal;
	struct str line = STR_INIT;
	int r;

	if (journal_exists(dir))
		return error_set(err, ERR_EXISTS, "%s/run.jsonl exists", dir);
	journal = journal_new(dir);
	line_of(&line, plan_to_json(plan));
	r = file_write_atomic(journal->path, line.buf, line.len, 0666, err);
	if (r >= 0)
		r = journal_open(journal, err);
	str_release(&line);
	if (r < 0) {
		journal_free(journal);
		return r;
	}
	*ret = journal;
	return 0;
}

/*
 * Gives how many bytes of `text` are whole lines, or an error; the plan and the records are the caller's either way.
 */
static int journal_parse(size_t *ret_len, struct run_plan *plan, struct run_record **records, size_t *n,
	int64_t *elapsed_ms, const struct journal *journal, const struct str *text, struct error *err)
{
	size_t at = 0, line_number = 0, cap = 0;

	while (at < text->len) {
		const char *line = text->buf + at;
		const char *end = memchr(line, '\n', text->len - at);
		struct run_record record;
		json_t *json;
		bool fine, is_record = false;

		if (!end)
			break;
		line_number++;
		json = json_loadb(line, (size_t)(end - line), 0, NULL);
		if (line_number == 1)
			fine = json && plan_from_json(plan, json);
		else
			fine = json && ((is_record = record_from_json(&record, json)) ||
				note_from_json(plan, elapsed_ms, json));
		json_decref(json);
		if (!fine) {
			/* A crash of the machine may leave zeros for what was written last. */
			if (line_number > 1 && (size_t)(end - text->buf) + 1 == text->len)
				break;
			return error_set(err, ERR_CORRUPT, "%s:%zu: not a line of a journal; --abort removes it",
				journal->path, line_number);
		}
		if (is_record) {
			MEM_GROW(*records, *n + 1, cap);
			(*records)[(*n)++] = record;
			*elapsed_ms = record.elapsed_ms;
		}
		at = (size_t)(end - text->buf) + 1;
	}
	if (!at)
		return error_set(err, ERR_CORRUPT, "%s:1: the plan is missing; --abort removes the journal",
			journal->path);
	*ret_len = at;
	return 0;
}

int journal_resume(struct journal **ret, struct run_plan *ret_plan, struct run_record **ret_records, size_t *ret_n,
	int64_t *ret_elapsed_ms, const char *dir, struct error *err)
{
	struct journal *journal;
	struct run_plan plan = { .started_ms = 0 };
	struct run_record *records = NULL;
	int64_t elapsed_ms = 0;
	size_t n = 0, len = 0;
	struct str text = STR_INIT;
	int r;

	if (!journal_exists(dir))
		return error_set(err, ERR_NOT_FOUND, "there is no unfinished run in this repository (--continue --budget MORE "
			"goes on with one that has spent its budget)");
	journal = journal_new(dir);
	r = file_read(&text, journal->path, JOURNAL_MAX, err);
	if (r >= 0)
		r = journal_parse(&len, &plan, &records, &n, &elapsed_ms, journal, &text, err);
	if (r >= 0)
		r = journal_open(journal, err);
	if (r >= 0 && len < text.len && (ftruncate(journal->fd, (off_t)len) < 0 || fsync(journal->fd) < 0))
		r = error_errno(err, errno, "cannot cut the torn line off %s", journal->path);
	str_release(&text);
	if (r < 0) {
		run_plan_release(&plan);
		free(records);
		journal_free(journal);
		return r;
	}
	*ret = journal;
	*ret_plan = plan;
	*ret_records = records;
	*ret_n = n;
	*ret_elapsed_ms = elapsed_ms;
	return 0;
}

int journal_reopen(const char *dir, struct error *err)
{
	char *path = mem_printf("%s/run.jsonl", dir), *last = mem_printf("%s/last.jsonl", dir);
	int r = 0;

	if (!access(path, F_OK))
		r = error_set(err, ERR_EXISTS, "%s exists", path);
	else if (rename(last, path) < 0)
		r = errno == ENOENT ? error_set(err, ERR_NOT_FOUND, "there was no run in this repository to go on with") :
			error_errno(err, errno, "cannot rename %s to %s", last, path);
	else
		r = file_sync_dir(dir, err);
	free(path);
	free(last);
	return r;
}

/* Frees json. */
static int journal_append(struct journal *journal, json_t *json, struct error *err)
{
	struct str line = STR_INIT;
	int r;

	line_of(&line, json);
	r = file_write_all(journal->fd, line.buf, line.len, err);
	str_release(&line);
	if (r >= 0 && fdatasync(journal->fd) < 0)
		r = error_errno(err, errno, "cannot sync");
	if (r < 0)
		return error_prefix(err, "cannot write %s", journal->path);
	return 0;
}

int journal_add(struct journal *journal, const struct run_record *record, struct error *err)
{
	return journal_append(journal, record_to_json(record), err);
}

int journal_note(struct journal *journal, const struct run_plan *plan, int64_t elapsed_ms, struct error *err)
{
	return journal_append(journal, note_to_json(plan, elapsed_ms), err);
}

int journal_note_prior(struct journal *journal, const struct run_plan *plan, struct error *err)
{
	return journal_append(journal, json_pack("{s:s, s:o}", "note", "prior", "files",
		list_to_json(&plan->prior_files)), err);
}

int journal_finish(struct journal *journal, struct error *err)
{
	char *last = mem_printf("%s/last.jsonl", journal->dir);
	int r = 0;

	if (rename(journal->path, last) < 0)
		r = error_errno(err, errno, "cannot rename %s to %s", journal->path, last);
	else
		r = file_sync_dir(journal->dir, err);
	free(last);
	return r;
}

int journal_remove(const char *dir, struct error *err)
{
	char *path = mem_printf("%s/run.jsonl", dir);
	int r = 0;

	if (unlink(path) < 0 && errno != ENOENT)
		r = error_errno(err, errno, "cannot remove %s", path);
	free(path);
	return r;
}
