/* Bisections over HTTP: what was asked is checked and translated (docs/api.md). */
#include "bisectd/api_bisections.h"

#include "base/mem.h"

static void add_goods(struct strv *good, const json_t *value)
{
	size_t i;
	json_t *item;

	if (json_is_string(value))
		strv_push(good, json_string_value(value));
	json_array_foreach((json_t *)value, i, item) {
		if (json_is_string(item))
			strv_push(good, json_string_value(item));
	}
}

/* A key that we do not know may be one that the caller relies on. */
static int check_keys(const json_t *body, struct error *err)
{
	static const char *const allowed[] = { "error_id", "job_id", "job", "good", "bad", "again", "options" };
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)body, key, value) {
		bool known = false;

		for (size_t i = 0; i < sizeof(allowed) / sizeof(*allowed); i++)
			known = known || !strcmp(key, allowed[i]);
		if (!known)
			return error_set(err, ERR_INVALID,
				"body: found \"%.80s\", allowed are error_id, job_id, job, good, bad, again, options", key);
	}
	return 0;
}

void bisections_post(struct http_request *request, void *arg)
{
	struct daemon *daemon = arg;
	struct error err = ERROR_INIT;
	struct strv good = STRV_INIT;
	json_t *body = api_read_body(request);
	char *name = api_caller_name(daemon, request), id[13];
	struct job_request job = { .where = "job.yaml", .submitter = name, .one = true };
	struct strv job_ids = STRV_INIT;
	const char *job_text;
	bool existing = false, continued = false;
	int r = 0;
	struct bisection_request wanted = { .good = &good, .submitter = name };

	if (!body) {
		free(name);
		return;
	}
	wanted.error_id = json_string_value(json_object_get(body, "error_id"));
	wanted.job_id = json_string_value(json_object_get(body, "job_id"));
	wanted.bad = json_string_value(json_object_get(body, "bad"));
	wanted.again = json_is_true(json_object_get(body, "again"));
	job_text = json_string_value(json_object_get(body, "job"));
	wanted.options = json_object_get(body, "options");
	add_goods(&good, json_object_get(body, "good"));
	r = check_keys(body, &err);
	/* What is refused anyway must not run its job. */
	if (r == 0 && !wanted.job_id && job_text)
		r = bisections_check(&wanted, &err);
	if (r == 0 && !wanted.job_id && job_text) {
		job.yaml = job_text;
		job.len = strlen(job_text);
		r = jobs_submit(daemon, &job, &job_ids, &err);
		wanted.job_id = r == 0 ? job_ids.v[0] : NULL;
	} else if (r == 0 && !wanted.job_id) {
		r = error_set(&err, ERR_INVALID, "body: found neither \"job_id\" nor \"job\", one of them is needed");
	}
	if (r == 0)
		r = bisections_request(daemon, &wanted, id, &existing, &continued, &err);
	if (r < 0)
		http_respond_error(request, &err);
	else
		api_respond_json(request, existing ? 200 : 201,
			json_pack("{s:s, s:b, s:b}", "id", id, "existing", (int)existing, "continued",
				(int)continued));
	strv_release(&good);
	strv_release(&job_ids);
	json_decref(body);
	free(name);
}

static bool add_bisection(const struct bisection_row *row, void *arg)
{
	json_array_append_new(arg, bisection_json_short(row));
	return true;
}

json_t *bisections_list_json(struct daemon *daemon, unsigned limit)
{
	json_t *array = json_array();

	warehouse_bisections(daemon->warehouse, false, limit, add_bisection, array, NULL);
	return array;
}

void bisections_get(struct http_request *request, void *arg)
{
	api_respond_json(request, 200, bisections_list_json(arg, api_query_limit(request)));
}

void bisections_get_one(struct http_request *request, void *arg)
{
	struct error err = ERROR_INIT;
	json_t *object = bisection_json_of(arg, http_param(request, "id"), &err);

	if (object)
		api_respond_json(request, 200, object);
	else
		http_respond_error(request, &err);
}

void bisections_post_cancel(struct http_request *request, void *arg)
{
	struct error err = ERROR_INIT;

	if (bisections_cancel(arg, http_param(request, "id"), &err) < 0)
		http_respond_error(request, &err);
	else
		api_respond_json(request, 200, json_pack("{s:b}", "cancelled", 1));
}

void bisections_post_continue(struct http_request *request, void *arg)
{
	struct error err = ERROR_INIT;
	json_t *body = api_read_body(request);
	const char *key, *id = http_param(request, "id");
	json_t *value;

	if (!body)
		return;
	json_object_foreach(body, key, value)
		if (strcmp(key, "options") != 0 && !err.code)
			error_set(&err, ERR_INVALID, "body: found \"%.80s\", allowed is options", key);
	if (err.code || bisections_continue(arg, id, json_object_get(body, "options"), &err) < 0)
		http_respond_error(request, &err);
	else
		api_respond_json(request, 200, json_pack("{s:s, s:b}", "id", id, "continued", 1));
	json_decref(body);
}

void bisections_get_events(struct http_request *request, void *arg)
{
	struct error err = ERROR_INIT;
	json_t *object = bisection_json_of(arg, http_param(request, "id"), &err);

	if (object)
		events_subscribe(arg, request, http_param(request, "id"));
	else
		http_respond_error(request, &err);
	json_decref(object);
}
