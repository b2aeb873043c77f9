/* Which files the error names: the first run that shows it is asked, and commits that touch one of them are tried first. */
#include "bisectd/bisection.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/packed_log.h"

struct prior_work {
	struct bisection *b;
	char *git_dir;
	const struct history *history;	/* stays while the worker has the bisection */
	bool known;			/* the files are, from an earlier life */
	struct strv files;
	char commit[GIT_HEX + 1];	/* else the log of a run of this one */
	int fd;
	json_int_t line_number;		/* of the error in it; 0: none is known */
	struct prior prior;		/* out */
	int result;
	struct error err;
};

/* --- on a worker thread --- */

/* The part of a log around a line: what is before it is forgotten, all but the end. */
struct log_part {
	struct str text;
	json_int_t wanted_line, line;	/* counted from 1 */
	size_t wanted;			/* where it begins in the text; SIZE_MAX: not yet seen */
};

static void forget_all_but(struct str *text, size_t len)
{
	if (text->len > len)
		str_remove_front(text, text->len - len);
}

static bool add_part(void *arg, const char *bytes, size_t len)
{
	struct log_part *part = arg;
	size_t at = 0;

	while (part->wanted == SIZE_MAX && part->wanted_line && at < len) {
		const char *end = part->line < part->wanted_line ? memchr(bytes + at, '\n', len - at) : NULL;

		if (part->line == part->wanted_line) {
			str_add_bytes(&part->text, bytes, at);
			forget_all_but(&part->text, PRIOR_BEFORE);
			part->wanted = part->text.len;
			bytes += at;
			len -= at;
			at = 0;
			break;
		}
		part->line += end != NULL;
		at = end ? (size_t)(end - bytes) + 1 : len;
	}
	if (part->wanted == SIZE_MAX) {
		str_add_bytes(&part->text, bytes, len);
		forget_all_but(&part->text, PRIOR_END);
		return true;
	}
	at = part->wanted + PRIOR_AFTER - part->text.len;
	str_add_bytes(&part->text, bytes, len < at ? len : at);
	return len < at;
}

static int from_log(struct prior_work *work, struct repository *repository)
{
	struct log_part part = { .text = STR_INIT, .wanted_line = work->line_number, .line = 1, .wanted = SIZE_MAX };
	int r = packed_log_each(work->fd, work->commit, add_part, &part, &work->err);

	if (r == 0)
		r = prior_from_text(&work->prior, repository, work->history, work->commit, &part.text, part.wanted, &work->err);
	str_release(&part.text);
	return r;
}

static void prior_on_worker(void *arg)
{
	struct prior_work *work = arg;
	struct repository *repository = NULL;

	/* The bisection's own is for the main thread. */
	work->result = repository_open(&repository, work->git_dir, &work->err);
	if (work->result == 0)
		work->result = work->known ?
			prior_from_files(&work->prior, repository, work->history, &work->files, &work->err) :
			from_log(work, repository);
	repository_free(repository);
}

/* --- on the main thread --- */

/* A restart must find the same: it is told what this one found. */
static void keep_files(struct bisection *b, const struct strv *files)
{
	json_t *list = json_array();

	for (size_t i = 0; i < files->n; i++) {
		json_t *name = json_string(files->v[i]);

		if (name)
			json_array_append_new(list, name);
	}
	if (!b->row.learnt)
		b->row.learnt = json_object();
	json_object_set_new(b->row.learnt, "files", list);
	bisection_note(b, NULL);
}

static void take_prior(struct bisection *b, struct prior_work *work)
{
	b->told_prior = true;
	if (work->result < 0)
		log_warning("bisection %s tries all commits alike, as what the error names cannot be found out: %s", b->row.id,
			work->err.text);
	prior_release(&b->prior);
	b->prior = work->prior;
	work->prior = (struct prior){ .n_commits = 0 };
	if (!work->known)
		keep_files(b, &b->prior.files);
	if (b->prior.values)
		search_set_prior(b->search, b->prior.values);
	b->belief_stale = true;
	events_bisection_changed(b->daemon, b->row.id);
}

static void prior_done(void *arg, bool cancelled)
{
	struct prior_work *work = arg;
	struct bisection *b = work->b;
	struct daemon *daemon = b->daemon;

	b->working = false;
	if (b->gone)
		bisection_free(b);
	else if (!cancelled && !b->end_state)
		take_prior(b, work);
	if (!cancelled)
		daemon_wake(daemon);
	prior_release(&work->prior);
	strv_release(&work->files);
	file_close(&work->fd);
	free(work->git_dir);
	free(work);
}

/* The log of a run that showed the error; false: it is not there. */
static bool open_log(struct bisection *b, const struct probe *probe, int *ret_fd)
{
	struct result_row result = { 0 };
	struct build_row build = { 0 };
	struct error err = ERROR_INIT;
	const char *log = NULL;
	uint64_t size;
	bool opened;

	if (probe->row.test_unit && warehouse_result_get(b->daemon->warehouse, probe->row.test_unit, &result, NULL) == 0)
		log = result.log;
	else if (probe->row.build_unit && warehouse_build_of_unit(b->daemon->warehouse, probe->row.build_unit, &build, NULL) == 0)
		log = build.log;
	opened = log && artifact_open(ret_fd, &size, b->daemon->artifacts, log, &err) == 0;
	result_row_release(&result);
	build_row_release(&build);
	return opened;
}

static bool find_log(struct bisection *b, struct prior_work *work)
{
	for (size_t i = 0; i < b->n_probes; i++) {
		const struct probe *probe = b->probes[i];

		if (!probe->row.observation || strcmp(probe->row.observation, "bad") || !open_log(b, probe, &work->fd))
			continue;
		snprintf(work->commit, sizeof(work->commit), "%s", probe->row.commit);
		work->line_number = probe->matched_number;
		return true;
	}
	return false;
}

static void list_files(struct strv *ret, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *name = json_string_value(json_array_get(list, i));

		if (name)
			strv_push(ret, name);
	}
}

bool bisection_begin_prior(struct bisection *b)
{
	const json_t *known = json_object_get(b->row.learnt, "files");
	struct prior_work *work;

	if (b->told_prior || !b->options.prior_from_error || !b->repository)
		return false;
	work = mem_alloc(sizeof(*work));
	work->b = b;
	work->fd = -1;
	work->known = known != NULL;
	list_files(&work->files, known);
	if (!known && !find_log(b, work)) {
		free(work);
		return false;
	}
	work->history = &b->history;
	work->git_dir = mem_strdup(repository_git_dir(b->repository));
	b->working = true;
	worker_pool_run(b->daemon->workers, prior_on_worker, prior_done, work);
	return true;
}
