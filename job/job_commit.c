#include "job/job_commit.h"

#include "base/mem.h"

static bool has(const struct value *doc, const char *path)
{
	return !value_is_null(value_get_path(doc, path));
}

static void find_candidates(struct strv *ret, const struct value *doc)
{
	const struct value *packages = value_get(doc, "ss");

	if (has(doc, "upstream_commit"))
		strv_push(ret, "upstream_commit");
	if (has(doc, "commit"))
		strv_push(ret, "commit");
	for (size_t i = 0; packages && packages->type == YAML_MAPPING && i < packages->n; i++)
		if (!value_is_null(value_get(packages->fields[i].value, "commit")))
			strv_pushf(ret, "ss.%s.commit", packages->fields[i].key);
}

static const char *join(struct str *ret, const struct strv *candidates)
{
	for (size_t i = 0; i < candidates->n && i < 10; i++)
		str_addf(ret, "%s%s", i ? ", " : "", candidates->v[i]);
	if (candidates->n > 10)
		str_add(ret, ", ...");
	return ret->buf;
}

static int choose(
        const char **ret, const struct value *doc, const struct strv *candidates, struct error *err)
{
	const struct value *chosen = value_get(doc, "bisect_commit");
	struct str all = STR_INIT;
	int rc = 0;

	if (!value_is_null(chosen)) {
		for (size_t i = 0; i < candidates->n; i++)
			if (chosen->type == YAML_SCALAR &&
			        strcmp(chosen->text, candidates->v[i]) == 0) {
				*ret = candidates->v[i];
				return 0;
			}
		rc = value_error(err, ERR_INVALID, &chosen->place,
		        "found %s%.100s as \"bisect_commit\", allowed: a commit of the job: %s",
		        chosen->type == YAML_SCALAR ? "" : "no key but ",
		        chosen->type == YAML_SCALAR ? chosen->text : value_type_name(chosen),
		        candidates->n ? join(&all, candidates) : "it has none");
	} else if (candidates->n > 1) {
		rc = value_error(err, ERR_INVALID, &doc->place,
		        "found %zu commits: %s; say which one a bisection varies, as "
		        "\"bisect_commit: %s\"",
		        candidates->n, join(&all, candidates), candidates->v[candidates->n - 1]);
	} else {
		*ret = candidates->n ? candidates->v[0] : NULL;
	}
	str_release(&all);
	return rc;
}

static const struct value *url_of_package(const struct value *package)
{
	const struct value *url = value_get(package, "_upstream_url");

	return value_is_null(url) ? value_get(package, "_url") : url;
}

int job_commit_find(struct job_commit *ret, const struct value *doc, struct error *err)
{
	struct job_commit commit = { .url = value_get(doc, "upstream_url") };
	struct strv candidates = STRV_INIT;
	const char *key = NULL;
	int rc = 0;

	find_candidates(&candidates, doc);
	rc = choose(&key, doc, &candidates, err);
	if (rc == 0 && key && str_has_prefix(key, "ss.")) {
		char *name = mem_strndup(key + 3, strlen(key) - strlen("ss.") - strlen(".commit"));
		const struct value *package = value_get(value_get(doc, "ss"), name),
		                   *url = url_of_package(package);

		commit.commit = value_get(package, "commit");
		if (!value_is_null(url)) {
			commit.url = url;
			commit.package = name;
			name = NULL;
		} else if (has(doc, "upstream_commit") || !commit.url) {
			rc = value_error(err, ERR_INVALID, &package->place,
			        "found no \"ss.%s._url\", which is required where %s is bisected: "
			        "what git fetches",
			        name, key);
		}
		free(name);
	} else if (rc == 0 && key) {
		commit.commit = value_get(doc, key);
	}
	if (rc == 0) {
		commit.key = mem_strdup(key);
		*ret = commit;
	} else {
		free(commit.package);
	}
	strv_release(&candidates);
	return rc;
}

void job_commit_release(struct job_commit *commit)
{
	free(commit->key);
	free(commit->package);
	commit->key = commit->package = NULL;
}
