#include "bisectd/daemon.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"

#define SECRET_BYTES 24

static const char *const role_names[ROLE_NKINDS] = {
	[ROLE_ANYONE] = "anyone",
	[ROLE_VIEWER] = "viewer",
	[ROLE_SUBMITTER] = "submitter",
	[ROLE_AGENT] = "agent",
	[ROLE_ADMIN] = "admin",
};

const char *role_name(enum role role)
{
	return role_names[role];
}

static bool role_parse(const char *name, enum role *ret)
{
	for (int i = ROLE_VIEWER; i < ROLE_NKINDS; i++) {
		if (!strcmp(role_names[i], name)) {
			*ret = (enum role)i;
			return true;
		}
	}
	return false;
}

static bool name_is_fine(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@-");

	return len > 0 && len <= 64 && !name[len];
}

int tokens_make(struct daemon *daemon, const char *name, const char *role, struct str *ret_secret,
	struct error *err)
{
	char secret[2 * SECRET_BYTES + 1], hash[HASH_HEX_LEN + 1];
	struct token_row row = { 0 };
	enum role parsed;
	int r;

	if (!name_is_fine(name))
		return error_set(err, ERR_INVALID,
			"token name '%.80s': allowed are 1 to 64 letters, digits and . _ @ -", name);
	if (!role_parse(role, &parsed))
		return error_set(err, ERR_INVALID,
			"token role '%.40s': allowed are viewer, submitter, agent, admin", role);
	random_hex(secret, SECRET_BYTES);
	hash_bytes(secret, strlen(secret), hash);
	row.name = (char *)name;
	row.role = (char *)role_names[parsed];
	row.hash = hash;
	row.created_ms = clock_wall_ms();
	r = warehouse_token_put(daemon->warehouse, &row, err);
	if (r == 0)
		str_add(ret_secret, secret);
	return r;
}

int tokens_role(enum role *ret, struct daemon *daemon, const char *secret, char **ret_name, struct error *err)
{
	char hash[HASH_HEX_LEN + 1];
	struct token_row row;
	enum role role = ROLE_ANYONE;
	int r;

	hash_bytes(secret, strlen(secret), hash);
	r = warehouse_token_find(daemon->warehouse, hash, &row, err);
	if (r < 0 && r != -ERR_NOT_FOUND)
		return r;
	if (ret_name)
		*ret_name = NULL;
	if (r == 0) {
		if (role_parse(row.role, &role) && ret_name)
			*ret_name = mem_strdup(row.name);
		token_row_release(&row);
	}
	*ret = role;
	return 0;
}

static int token_file(struct daemon *daemon, const char *name, const char *role, struct error *err)
{
	struct str path = STR_INIT, secret = STR_INIT, text = STR_INIT;
	enum role known = ROLE_ANYONE;
	int r = 0;

	str_addf(&path, "%s/%s.token", daemon->state_dir, name);
	if (file_read(&text, path.buf, 4096, NULL) == 0) {
		str_trim_right(&text);
		r = tokens_role(&known, daemon, text.buf, NULL, err);
		if (r < 0 || known != ROLE_ANYONE)
			goto out;
	}
	/* File first: a token that nobody holds would be the worse leftover. */
	random_hex((str_reserve(&secret, 2 * SECRET_BYTES + 1), secret.buf), SECRET_BYTES);
	secret.len = 2 * SECRET_BYTES;
	str_add_char(&secret, '\n');
	r = file_write_atomic(path.buf, secret.buf, secret.len, 0600, err);
	if (r == 0) {
		struct token_row row = { 0 };
		char hash[HASH_HEX_LEN + 1];

		hash_bytes(secret.buf, 2 * SECRET_BYTES, hash);
		row.name = (char *)name;
		row.role = (char *)role;
		row.hash = hash;
		row.created_ms = clock_wall_ms();
		r = warehouse_token_put(daemon->warehouse, &row, err);
	}
out:
	str_release(&text);
	str_release(&secret);
	str_release(&path);
	return r;
}

int tokens_bootstrap(struct daemon *daemon, struct error *err)
{
	int r = token_file(daemon, "admin", "admin", err);

	if (r == 0)
		r = token_file(daemon, "agent", "agent", err);
	return r;
}

/* --- over HTTP --- */

static bool add_token(const struct token_row *row, void *arg)
{
	json_array_append_new(arg,
		json_pack("{s:s, s:s, s:I, s:b}", "name", row->name, "role", row->role,
			"created_ms", (json_int_t)row->created_ms, "revoked", (int)row->revoked));
	return true;
}

void tokens_get(struct http_request *request, void *arg)
{
	struct daemon *daemon = arg;
	json_t *array = json_array();

	warehouse_tokens(daemon->warehouse, add_token, array, NULL);
	api_respond_json(request, 200, array);
}

void tokens_post(struct http_request *request, void *arg)
{
	struct error err = ERROR_INIT;
	struct str secret = STR_INIT;
	json_t *body = api_read_body(request);
	const char *name, *role;

	if (!body)
		return;
	name = json_string_value(json_object_get(body, "name"));
	role = json_string_value(json_object_get(body, "role"));
	if (tokens_make(arg, name ? name : "", role ? role : "", &secret, &err) < 0)
		http_respond_error(request, &err);
	else
		api_respond_json(request, 201,
			json_pack("{s:s, s:s, s:s}", "name", name, "role", role, "token", secret.buf));
	str_release(&secret);
	json_decref(body);
}

struct find_token {
	const char *name;
	struct token_row row;
	char *hash, *role;
};

static bool match_token(const struct token_row *row, void *arg)
{
	struct find_token *find = arg;

	if (strcmp(row->name, find->name))
		return true;
	find->row = *row;
	find->hash = mem_strdup(row->hash);
	find->role = mem_strdup(row->role);
	return false;
}

void tokens_delete(struct http_request *request, void *arg)
{
	struct daemon *daemon = arg;
	struct find_token find = { .name = http_param(request, "name") };
	struct error err = ERROR_INIT;

	int r = warehouse_tokens(daemon->warehouse, match_token, &find, &err);

	if (r == 0 && !find.hash)
		r = error_set(&err, ERR_NOT_FOUND, "no token '%.80s'", find.name);
	if (r == 0) {
		find.row.name = (char *)find.name;
		find.row.hash = find.hash;
		find.row.role = find.role;
		find.row.revoked = true;
		r = warehouse_token_put(daemon->warehouse, &find.row, &err);
	}
	if (r < 0)
		http_respond_error(request, &err);
	else
		api_respond_json(request, 200, json_pack("{s:b}", "revoked", 1));
	free(find.hash);
	free(find.role);
}
