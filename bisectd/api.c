/* The HTTP API and the pages' addresses: a table, and small handlers that translate. */
#include "config.h"

#include "bisectd/daemon.h"

#include <errno.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "bisectd/api_bisections.h"
#include "bisectd/api_units.h"
#include "bisectd/boxes.h"
#include "bisectd/live_errors.h"
#include "store/packed_log.h"
#include "web/assets.h"
#include "web/pages.h"

#define JOB_MAX (1u << 20)
#define BODY_MAX (2u << 20)
#define LIST_MAX 1000
#define LOG_SHOWN_MAX (16u << 20)	/* of one answer; the rest comes from an offset on */
#define LOG_PIECE (1u << 20)

struct caller {
	enum role role;
	char *name;
};

/* A list that could not be read, a text that is no UTF-8. */
static void respond_failure(struct http_request *request)
{
	struct error err = ERROR_INIT;

	error_set(&err, ERR_IO, "no answer could be made; the log of bisectd may say more");
	http_respond_error(request, &err);
}

void api_respond_json(struct http_request *request, int status, json_t *body)
{
	char *text = body ? json_dumps(body, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;

	if (text)
		http_respond(request, status, "application/json", text, strlen(text));
	else
		respond_failure(request);
	free(text);
	json_decref(body);
}

/* --- who calls --- */

static bool role_allows(enum role have, int need)
{
	switch (need) {
	case ROLE_ANYONE:
		return true;
	case ROLE_VIEWER:
		return have != ROLE_ANYONE;
	case ROLE_SUBMITTER:
		return have == ROLE_SUBMITTER || have == ROLE_ADMIN;
	case ROLE_AGENT:
		return have == ROLE_AGENT || have == ROLE_ADMIN;
	default:
		return have == ROLE_ADMIN;
	}
}

static bool wants_page(struct http_request *request)
{
	return strncmp(http_path(request), "/api/", 5) != 0;
}

/* What came from outside and is on a page stays text, whatever it says. */
static void set_page_headers(struct http_request *request)
{
	http_set_response_header(request, "Content-Security-Policy",
		"default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'");
	http_set_response_header(request, "X-Content-Type-Options", "nosniff");
	http_set_response_header(request, "Referrer-Policy", "no-referrer");
	http_set_response_header(request, "Cache-Control", "no-store");
}

bool api_authorize(struct http_request *request, int need, void *arg)
{
	struct daemon *daemon = arg;
	const char *header = http_header(request, "Authorization");
	const char *cookie = http_cookie(request, "bisectd_token");
	enum role role = ROLE_ANYONE;
	struct str out = STR_INIT;
	struct error err = ERROR_INIT;
	int r = 0;

	if (!daemon->auth)
		role = ROLE_ADMIN;
	else if (header && str_has_prefix(header, "Bearer "))
		r = tokens_role(&role, daemon, header + 7, NULL, &err);
	else if (cookie && !strcmp(http_method(request), "GET"))
		r = tokens_role(&role, daemon, cookie, NULL, &err);
	if (r < 0) {
		/* Not known is another answer than not known now. */
		http_respond_error(request, &err);
		return false;
	}
	if (role == ROLE_ANYONE && daemon->anonymous_viewer && !header)
		role = ROLE_VIEWER;
	if (role_allows(role, need))
		return true;
	if (wants_page(request)) {
		page_login(&out, cookie ? "The token that this browser has is not known any more." : NULL,
			http_path(request));
		set_page_headers(request);
		http_respond(request, 401, "text/html; charset=utf-8", out.buf, out.len);
	} else if (role == ROLE_ANYONE || (daemon->auth && !header)) {
		http_set_response_header(request, "WWW-Authenticate", "Bearer");
		api_respond_json(request, 401, json_pack("{s:s, s:s}", "error", "denied", "message",
			header ? "this token is not known" : "a token is needed: Authorization: Bearer TOKEN"));
	} else {
		error_set(&err, ERR_DENIED, "a token of role %s may not do this, %s may",
			role_name(role), role_name((enum role)need));
		http_respond_error(request, &err);
	}
	str_release(&out);
	return false;
}

char *api_caller_name(struct daemon *daemon, struct http_request *request)
{
	const char *header = http_header(request, "Authorization");
	char *name = NULL;
	enum role role;

	if (header && str_has_prefix(header, "Bearer "))
		tokens_role(&role, daemon, header + 7, &name, NULL);
	return name ? name : mem_strdup("anonymous");
}

unsigned api_query_limit(struct http_request *request)
{
	const char *text = http_query(request, "limit");
	long long limit = 50;

	if (text)
		str_to_long(text, 1, LIST_MAX, &limit);
	return (unsigned)limit;
}

json_t *api_read_body(struct http_request *request)
{
	const struct str *body = http_body(request);
	struct error err = ERROR_INIT;
	json_error_t where;
	json_t *object;

	if (!body->len)
		return json_object();
	object = json_loadb(body->buf, body->len, 0, &where);
	if (object && json_is_object(object))
		return object;
	if (object)
		error_set(&err, ERR_INVALID, "body: allowed is one JSON object");
	else
		error_set(&err, ERR_INVALID, "body:%d:%d: not JSON: %s", where.line, where.column,
			where.text);
	json_decref(object);
	http_respond_error(request, &err);
	return NULL;
}

/* --- status --- */

static json_t *status_json(struct daemon *daemon)
{
	size_t ready = 0, leased = 0;
	bool alive = queue_depths(daemon->queue, &ready, &leased, NULL) == 0;

	return json_pack("{s:s, s:{s:I, s:I}, s:b, s:o, s:o, s:I, s:s}", "version", PACKAGE_VERSION,
		"queue", "ready", (json_int_t)ready, "leased", (json_int_t)leased, "redis",
		(int)alive, "agents", agents_json(daemon), "quarantined",
		boxes_quarantined_json(daemon), "started_ms",
		(json_int_t)daemon->started_ms, "arch", daemon->arch);
}

static void get_status(struct http_request *request, void *arg)
{
	api_respond_json(request, 200, status_json(arg));
}

static void get_funnel(struct http_request *request, void *arg)
{
	struct daemon *daemon = arg;

	api_respond_json(request, 200,
		warehouse_funnel(daemon->warehouse, clock_wall_ms() - 30LL * 86400 * 1000));
}

/* --- jobs --- */

/* "id" is the first of "ids": most texts make one job. */
static void respond_ids(struct http_request *request, const struct strv *ids, const struct error *err)
{
	json_t *array;

	if (err->code) {
		http_respond_error(request, err);
		return;
	}
	array = json_array();
	for (size_t i = 0; i < ids->n; i++)
		json_array_append_new(array, json_string(ids->v[i]));
	api_respond_json(request, 201, json_pack("{s:s, s:o}", "id", ids->v[0], "ids", array));
}

static void post_job(struct http_request *request, void *arg)
{
	struct daemon *daemon = arg;
	const struct str *body = http_body(request);
	const char *where = http_query(request, "name");
	char *name = api_caller_name(daemon, request);
	struct job_request wanted = { .yaml = body->buf, .len = body->len,
		.where = where && strlen(where) < 300 ? where : "job.yaml", .submitter = name };
	struct strv ids = STRV_INIT;
	struct error err = ERROR_INIT;

	jobs_submit(daemon, &wanted, &ids, &err);
	respond_ids(request, &ids, &err);
	strv_release(&ids);
	free(name);
}

struct json_list {
	struct daemon *daemon;
	json_t *array;
};

static bool add_job(const struct job_row *row, void *arg)
{
	struct json_list *list = arg;

	json_array_append_new(list->array, job_json(list->daemon, row));
	return true;
}

static json_t *jobs_json(struct daemon *daemon, unsigned limit)
{
	struct json_list list = { daemon, json_array() };

	warehouse_jobs(daemon->warehouse, false, limit, add_job, &list, NULL);
	return list.array;
}

static void get_jobs(struct http_request *request, void *arg)
{
	api_respond_json(request, 200, jobs_json(arg, api_query_limit(request)));
}

/* What the test measured, beside what it found: {"<suite>.<name>": number}. */
static void add_metrics(struct daemon *daemon, json_t *result)
{
	const char *unit = json_string_value(json_object_get(result, "unit"));
	struct result_row row = { 0 };

	if (unit && warehouse_result_get(daemon->warehouse, unit, &row, NULL) == 0 && json_object_size(row.metrics))
		json_object_set(result, "metrics", row.metrics);
	result_row_release(&row);
}

static json_t *one_job(struct daemon *daemon, const char *id, struct error *err)
{
	struct job_row row;
	json_t *object;

	int r = warehouse_job_get(daemon->warehouse, id, &row, err);

	if (r == -ERR_NOT_FOUND)
		error_set(err, ERR_NOT_FOUND, "no job '%.40s'", id);
	if (r < 0)
		return NULL;
	object = job_json(daemon, &row);
	json_object_set_new(object, "running", live_errors(daemon, &row));	/* nothing is set where there is none */
	job_row_release(&row);
	add_metrics(daemon, json_object_get(object, "result"));
	return object;
}

static void get_job(struct http_request *request, void *arg)
{
	struct error err = ERROR_INIT;
	json_t *object = one_job(arg, http_param(request, "id"), &err);

	if (object)
		api_respond_json(request, 200, object);
	else
		http_respond_error(request, &err);
}

static void post_job_cancel(struct http_request *request, void *arg)
{
	struct error err = ERROR_INIT;

	if (jobs_cancel(arg, http_param(request, "id"), &err) < 0)
		http_respond_error(request, &err);
	else
		api_respond_json(request, 200, json_pack("{s:b}", "cancelled", 1));
}

static int read_set(struct strv *ret, const json_t *set, struct error *err)
{
	const json_t *item;
	size_t i;

	if (set && !json_is_array(set))
		return error_set(err, ERR_INVALID, "set: found no list, allowed is a list of KEY=VALUE");
	json_array_foreach(set, i, item) {
		if (!json_is_string(item))
			return error_set(err, ERR_INVALID, "set: found something else in the list, allowed is KEY=VALUE");
		strv_push(ret, json_string_value(item));
	}
	return 0;
}

static void post_job_resubmit(struct http_request *request, void *arg)
{
	struct daemon *daemon = arg;
	struct error err = ERROR_INIT;
	struct job_row row = { 0 };
	struct strv set = STRV_INIT, ids = STRV_INIT;
	json_t *body = api_read_body(request);
	char *name = api_caller_name(daemon, request);
	struct job_request wanted = { .where = "resubmitted job", .arguments = &set, .submitter = name };

	if (!body) {
		free(name);
		return;
	}
	wanted.commit = json_string_value(json_object_get(body, "upstream_commit"));
	if (read_set(&set, json_object_get(body, "set"), &err) == 0 &&
		warehouse_job_get(daemon->warehouse, http_param(request, "id"), &row, &err) == 0) {
		wanted.yaml = row.intent;
		wanted.len = strlen(row.intent);
		jobs_submit(daemon, &wanted, &ids, &err);
	}
	respond_ids(request, &ids, &err);
	json_decref(body);
	job_row_release(&row);
	strv_release(&set);
	strv_release(&ids);
	free(name);
}

/* --- units, logs, artifacts --- */

static int unpack_log(struct daemon *daemon, const char *sha, log_sink *sink, void *arg, struct error *err)
{
	uint64_t size;
	int fd = -1, r = artifact_open(&fd, &size, daemon->artifacts, sha, err);

	if (r == 0)
		r = packed_log_each(fd, sha, sink, arg, err);
	file_close(&fd);
	return r;
}

static int live_log_each(struct daemon *daemon, const char *unit, log_sink *sink, void *arg, struct error *err)
{
	struct str piece = STR_INIT;
	uint64_t at = 0;
	int r;

	do {
		str_clear(&piece);
		r = live_log_read(&piece, daemon->artifacts, unit, at, LOG_PIECE, err);
		at += piece.len;
	} while (r == 0 && piece.len && sink(arg, piece.buf, piece.len));
	str_release(&piece);
	return r;
}

static int unit_log_each(struct daemon *daemon, const char *unit, log_sink *sink, void *arg, bool *ret_live,
	struct error *err)
{
	struct result_row result = { 0 };
	struct build_row build = { 0 };
	struct str sha = STR_INIT;
	int r;

	*ret_live = false;
	if (warehouse_result_get(daemon->warehouse, unit, &result, NULL) == 0) {
		str_add(&sha, result.log);
		result_row_release(&result);
	} else if (warehouse_build_of_unit(daemon->warehouse, unit, &build, NULL) == 0) {
		str_add(&sha, build.log);
		build_row_release(&build);
	} else {
		*ret_live = true;
	}
	r = sha.len ? unpack_log(daemon, sha.buf, sink, arg, err) : live_log_each(daemon, unit, sink, arg, err);
	str_release(&sha);
	return r;
}

struct log_part {
	uint64_t at, offset;
	size_t max;
	struct str *text;
};

static bool add_part(void *arg, const char *bytes, size_t len)
{
	struct log_part *part = arg;
	size_t skip = part->at >= part->offset ? 0 :
		part->offset - part->at > len ? len : (size_t)(part->offset - part->at);
	size_t room = part->max - part->text->len;

	part->at += len;
	str_add_bytes(part->text, bytes + skip, len - skip < room ? len - skip : room);
	return part->text->len < part->max;
}

int unit_log_read(struct daemon *daemon, const char *unit, uint64_t offset, size_t max,
	struct str *ret, bool *ret_live, struct error *err)
{
	struct log_part part = { .offset = offset, .max = max, .text = ret };

	return unit_log_each(daemon, unit, add_part, &part, ret_live, err);
}

static bool feed_window(void *arg, const char *bytes, size_t len)
{
	return log_window_feed(arg, bytes, len);
}

static void get_unit(struct http_request *request, void *arg)
{
	struct daemon *daemon = arg;
	struct unit_info info = { 0 };
	struct result_row result = { 0 };
	struct error err = ERROR_INIT;
	const char *unit = http_param(request, "id");
	struct build_row build = { 0 };
	json_t *object;
	int r = queue_get(daemon->queue, unit, &info, &err);

	object = json_pack("{s:s, s:s, s:s?, s:s?, s:i}", "id", unit, "state",
		unit_state_name(info.state), "lane", info.lane, "agent", info.owner, "attempts",
		(int)info.attempts);
	if (warehouse_result_get(daemon->warehouse, unit, &result, NULL) == 0)
		json_object_set_new(object, "result",
			json_pack("{s:s, s:s, s:b, s:i, s:s?, s:O?, s:O?, s:s?, s:s?}", "outcome", result.outcome,
				"commit", result.commit, "complete", (int)result.complete,
				"exit_status", result.exit_status, "log", result.log, "errors",
				result.errors, "metrics", result.metrics, "agent", result.agent, "message", result.message));
	if (warehouse_build_of_unit(daemon->warehouse, unit, &build, NULL) == 0)
		json_object_set_new(object, "build",
			json_pack("{s:s, s:s?, s:s?, s:s?, s:s?, s:s?, s:O?}", "outcome", build.outcome,
				"artifact", build.artifact, "log", build.log, "commit", build.commit,
				"agent", build.agent, "message", build.message, "details", build.details));
	/* What has its result is told without Redis too. */
	if (result.unit || build.unit)
		json_object_set_new(object, "state", json_string(unit_state_name(UNIT_DONE)));
	else if (r == 0 && info.state == UNIT_ABSENT)
		r = error_set(&err, ERR_NOT_FOUND, "no unit '%.80s'", unit);
	if (r < 0 && !result.unit && !build.unit) {
		http_respond_error(request, &err);
		json_decref(object);
	} else {
		api_respond_json(request, 200, object);
	}
	result_row_release(&result);
	build_row_release(&build);
	unit_info_release(&info);
}

static void respond_log(struct http_request *request, const struct str *text)
{
	http_set_response_header(request, "X-Content-Type-Options", "nosniff");
	http_respond(request, 200, "text/plain; charset=utf-8", text->buf, text->len);
}

static void get_unit_log(struct http_request *request, void *arg)
{
	const char *offset_text = http_query(request, "offset");
	struct error err = ERROR_INIT;
	struct str text = STR_INIT;
	long long offset = 0;
	bool live;

	if (offset_text)
		str_to_long(offset_text, 0, INT64_MAX, &offset);
	if (unit_log_read(arg, http_param(request, "id"), (uint64_t)offset, LOG_SHOWN_MAX, &text,
		    &live, &err) < 0)
		http_respond_error(request, &err);
	else
		respond_log(request, &text);
	str_release(&text);
}

static void get_artifact(struct http_request *request, void *arg)
{
	struct daemon *daemon = arg;
	struct error err = ERROR_INIT;
	uint64_t size;
	int fd;

	if (artifact_open(&fd, &size, daemon->artifacts, http_param(request, "sha"), &err) < 0)
		http_respond_error(request, &err);
	else
		http_respond_file(request, "application/octet-stream", fd, size);
}

static void abort_upload(void *writer)
{
	struct artifact_writer **slot = writer;

	artifact_abort(*slot);
	free(slot);
}

static bool begin_upload(struct http_request *request, void *arg)
{
	struct daemon *daemon = arg;
	struct error err = ERROR_INIT;
	struct artifact_writer **slot;

	if (!hash_is_hex(http_param(request, "sha"), HASH_HEX_LEN)) {
		error_set(&err, ERR_INVALID, "artifact name: allowed are 64 lower-case hex digits");
		http_respond_error(request, &err);
		return false;
	}
	slot = mem_alloc(sizeof(*slot));
	if (artifact_begin(slot, daemon->artifacts, &err) < 0) {
		free(slot);
		http_respond_error(request, &err);
		return false;
	}
	http_set_context(request, slot, abort_upload);
	return true;
}

static bool upload_data(struct http_request *request, const char *bytes, size_t len, void *arg)
{
	struct artifact_writer **slot = http_context(request);
	struct error err = ERROR_INIT;

	if (artifact_write(*slot, bytes, len, &err) == 0)
		return true;
	http_respond_error(request, &err);
	return false;
}

static void put_artifact(struct http_request *request, void *arg)
{
	struct artifact_writer **slot = http_context(request);
	struct error err = ERROR_INIT;
	char sha[HASH_HEX_LEN + 1];
	int r = artifact_commit(*slot, http_param(request, "sha"), sha, &err);

	*slot = NULL;
	if (r == -ERR_CORRUPT)
		api_respond_json(request, 400,
			json_pack("{s:s, s:s}", "error", "corrupt", "message", err.text));
	else if (r < 0)
		http_respond_error(request, &err);
	else
		api_respond_json(request, 201, json_pack("{s:s}", "sha256", sha));
}

/* --- pages --- */

static void respond_page(struct http_request *request, int status, struct str *page)
{
	set_page_headers(request);
	http_respond(request, status, "text/html; charset=utf-8", page->buf, page->len);
	str_release(page);
}

static void respond_page_error(struct http_request *request, const struct error *err)
{
	struct str page = STR_INIT;
	int status = err->code == ERR_NOT_FOUND ? 404 : err->code == ERR_INVALID ? 400 :
		err->code == ERR_UNAVAILABLE || err->code == ERR_TIMEOUT ? 503 : 500;

	page_error(&page, status, err->text);
	respond_page(request, status, &page);
}

static void get_home_page(struct http_request *request, void *arg)
{
	struct str page = STR_INIT;
	json_t *bisections = bisections_list_json(arg, api_query_limit(request));
	json_t *jobs = jobs_json(arg, 20), *status = status_json(arg);

	page_home(&page, bisections, jobs, status);
	json_decref(bisections);
	json_decref(jobs);
	json_decref(status);
	respond_page(request, 200, &page);
}

static void get_bisection_page(struct http_request *request, void *arg)
{
	struct error err = ERROR_INIT;
	struct str page = STR_INIT;
	json_t *object = bisection_json_of(arg, http_param(request, "id"), &err);

	if (!object) {
		respond_page_error(request, &err);
		return;
	}
	if (http_query(request, "live"))
		page_bisection_live(&page, object);
	else
		page_bisection(&page, object);
	json_decref(object);
	respond_page(request, 200, &page);
}

static void get_job_page(struct http_request *request, void *arg)
{
	struct error err = ERROR_INIT;
	struct str page = STR_INIT;
	json_t *object = one_job(arg, http_param(request, "id"), &err);

	if (!object) {
		respond_page_error(request, &err);
		return;
	}
	page_job(&page, object);
	json_decref(object);
	respond_page(request, 200, &page);
}

/* ?line=N: N is marked; ?from=N|end: where the window begins. */
static void get_log_page(struct http_request *request, void *arg)
{
	struct error err = ERROR_INIT;
	struct str page = STR_INIT;
	const char *marked_text = http_query(request, "line"), *from_text = http_query(request, "from");
	long long marked = 0, from = 1;
	struct log_window window;
	bool live;

	if (marked_text && str_to_long(marked_text, 1, INT64_MAX, &marked))
		from = (long long)page_log_from((uint64_t)marked);
	if (from_text && !strcmp(from_text, "end"))
		from = 0;
	else if (from_text)
		str_to_long(from_text, 1, INT64_MAX, &from);
	log_window_init(&window, (uint64_t)from);
	if (unit_log_each(arg, http_param(request, "id"), feed_window, &window, &live, &err) < 0) {
		respond_page_error(request, &err);
	} else {
		page_log(&page, http_param(request, "id"), &window, (uint64_t)marked, live);
		respond_page(request, 200, &page);
	}
	log_window_release(&window);
}

static void get_status_page(struct http_request *request, void *arg)
{
	struct daemon *daemon = arg;
	struct str page = STR_INIT;
	json_t *status = status_json(daemon);
	json_t *funnel =
		warehouse_funnel(daemon->warehouse, clock_wall_ms() - 30LL * 86400 * 1000);

	page_status(&page, status, funnel);
	json_decref(status);
	json_decref(funnel);
	respond_page(request, 200, &page);
}

static void get_boxes_page(struct http_request *request, void *arg)
{
	struct str page = STR_INIT;
	json_t *boxes = boxes_json(arg);

	page_boxes(&page, boxes);
	json_decref(boxes);
	respond_page(request, 200, &page);
}

static void get_asset(struct http_request *request, void *arg)
{
	const struct web_asset *asset = web_asset_find(http_param(request, "name"));
	struct error err = ERROR_INIT;

	if (!asset) {
		error_set(&err, ERR_NOT_FOUND, "no such file");
		respond_page_error(request, &err);
		return;
	}
	http_set_response_header(request, "Cache-Control", "max-age=3600");
	http_respond(request, 200, asset->content_type, asset->bytes, asset->len);
}

/* Only our own pages: "//host" and "/\\host" are others' to a browser. */
static const char *page_after_login(struct http_request *request)
{
	const char *next = http_query(request, "next");

	return next && next[0] == '/' && next[1] != '/' && !strchr(next, '\\') ? next : "/";
}

/* The form of page_login: /login?next=PATH, token=... in the body. */
static void post_login(struct http_request *request, void *arg)
{
	const struct str *body = http_body(request);
	const char *field = str_has_prefix(body->buf, "token=") ? body->buf + 6 : "";
	struct str page = STR_INIT, cookie = STR_INIT;
	char *token = mem_strndup(field, strspn(field, "0123456789abcdef"));
	enum role role = ROLE_ANYONE;

	if (*token && tokens_role(&role, arg, token, NULL, NULL) == 0 && role != ROLE_ANYONE) {
		str_addf(&cookie, "bisectd_token=%s; HttpOnly; SameSite=Strict; Path=/", token);
		http_set_response_header(request, "Set-Cookie", cookie.buf);
		http_respond_redirect(request, page_after_login(request));
	} else {
		page_login(&page, "This token is not known.", page_after_login(request));
		respond_page(request, 401, &page);
	}
	str_release(&cookie);
	free(token);
}

void api_not_found(struct http_request *request, void *arg)
{
	struct error err = ERROR_INIT;

	error_set(&err, ERR_NOT_FOUND, "no such page: %.200s", http_path(request));
	if (wants_page(request))
		respond_page_error(request, &err);
	else
		http_respond_error(request, &err);
}

#define GET(pattern, role, handler) { "GET", pattern, HTTP_BODY_NONE, 0, role, handler, NULL, NULL }
#define POST(pattern, role, handler, max) \
	{ "POST", pattern, HTTP_BODY_MEMORY, max, role, handler, NULL, NULL }

const struct http_route api_routes[] = {
	GET("/api/v1/status", ROLE_VIEWER, get_status),
	GET("/api/v1/funnel", ROLE_VIEWER, get_funnel),
	POST("/api/v1/jobs", ROLE_SUBMITTER, post_job, JOB_MAX),
	GET("/api/v1/jobs", ROLE_VIEWER, get_jobs),
	GET("/api/v1/jobs/{id}", ROLE_VIEWER, get_job),
	POST("/api/v1/jobs/{id}/cancel", ROLE_SUBMITTER, post_job_cancel, BODY_MAX),
	POST("/api/v1/jobs/{id}/resubmit", ROLE_SUBMITTER, post_job_resubmit, BODY_MAX),
	POST("/api/v1/bisections", ROLE_SUBMITTER, bisections_post, BODY_MAX),
	GET("/api/v1/bisections", ROLE_VIEWER, bisections_get),
	GET("/api/v1/bisections/{id}", ROLE_VIEWER, bisections_get_one),
	POST("/api/v1/bisections/{id}/cancel", ROLE_SUBMITTER, bisections_post_cancel, BODY_MAX),
	POST("/api/v1/bisections/{id}/continue", ROLE_SUBMITTER, bisections_post_continue, BODY_MAX),
	GET("/api/v1/bisections/{id}/events", ROLE_VIEWER, bisections_get_events),
	POST("/api/v1/units/claim", ROLE_AGENT, units_claim, BODY_MAX),
	GET("/api/v1/units/{id}", ROLE_VIEWER, get_unit),
	GET("/api/v1/units/{id}/log", ROLE_VIEWER, get_unit_log),
	POST("/api/v1/units/{id}/log", ROLE_AGENT, units_log, BODY_MAX),
	POST("/api/v1/units/{id}/renew", ROLE_AGENT, units_renew, BODY_MAX),
	POST("/api/v1/units/{id}/finish", ROLE_AGENT, units_finish, BODY_MAX),
	POST("/api/v1/units/{id}/release", ROLE_AGENT, units_release, BODY_MAX),
	GET("/api/v1/boxes", ROLE_VIEWER, boxes_get),
	POST("/api/v1/boxes/{name}/release", ROLE_ADMIN, boxes_post_release, BODY_MAX),
	GET("/api/v1/artifacts/{sha}", ROLE_VIEWER, get_artifact),
	{ "PUT", "/api/v1/artifacts/{sha}", HTTP_BODY_STREAM, 0, ROLE_AGENT, put_artifact,
		begin_upload, upload_data },
	GET("/api/v1/tokens", ROLE_ADMIN, tokens_get),
	POST("/api/v1/tokens", ROLE_ADMIN, tokens_post, BODY_MAX),
	{ "DELETE", "/api/v1/tokens/{name}", HTTP_BODY_NONE, 0, ROLE_ADMIN, tokens_delete, NULL,
		NULL },
	GET("/", ROLE_VIEWER, get_home_page),
	GET("/bisections/{id}", ROLE_VIEWER, get_bisection_page),
	GET("/jobs/{id}", ROLE_VIEWER, get_job_page),
	GET("/units/{id}/log", ROLE_VIEWER, get_log_page),
	GET("/boxes", ROLE_VIEWER, get_boxes_page),
	GET("/status", ROLE_VIEWER, get_status_page),
	GET("/assets/{name}", ROLE_ANYONE, get_asset),
	POST("/login", ROLE_ANYONE, post_login, 4096),
	{ NULL, NULL, HTTP_BODY_NONE, 0, 0, NULL, NULL, NULL },
};
