#include "base/mem.h"
#include "job/job.h"
#include "job/job_defaults.h"

/* A word that no YAML reader takes for anything else. */
static bool is_plain(const char *text)
{
	static const char *const words[] = { "null", "true", "false", "yes", "no", "on", "off", "y",
		"n" };
	size_t len = strlen(text);

	if (len == 0 || strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == 0)
		return false;
	if (strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+-") !=
	        len)
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasecmp(text, words[i]) == 0)
			return false;
	return true;
}

/* The code point of the UTF-8 character at p (which is valid: it came through the YAML reader), and
 * its length. */
static unsigned read_utf8(const unsigned char *p, size_t *ret_len)
{
	size_t len = *p < 0x80 ? 1 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
	unsigned c = len == 1 ? *p : *p & (0xffu >> (len + 1));

	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80) {
			*ret_len = 1;
			return *p;
		}
		c = c << 6 | (p[i] & 0x3f);
	}
	*ret_len = len;
	return c;
}

/* Line breaks of other standards, byte order marks and controls: not as they are in YAML. */
static bool needs_escape(unsigned c)
{
	return (c < 0x20 && c != '\t') || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 ||
	       c == 0xfeff || c == 0xfffe || c == 0xffff;
}

static void add_quoted(struct str *ret, const char *text)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t len;

	str_add_char(ret, '"');
	for (; *p; p += len) {
		unsigned c = read_utf8(p, &len);

		if (c == '"' || c == '\\')
			str_addf(ret, "\\%c", (char)c);
		else if (c == '\n')
			str_add(ret, "\\n");
		else if (c == '\t')
			str_add(ret, "\\t");
		else if (needs_escape(c))
			str_addf(ret, c < 0x100 ? "\\x%02x" : "\\u%04x", c);
		else
			str_add_bytes(ret, p, len);
	}
	str_add_char(ret, '"');
}

static void add_scalar(struct str *ret, const char *text)
{
	if (is_plain(text))
		str_add(ret, text);
	else
		add_quoted(ret, text);
}

/* A script reads best as it was written, where a literal block can hold it exactly. */
static bool fits_block(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t len = strlen(text), n;

	if (!strchr(text, '\n') || *text == ' ' || *text == '\t' || *text == '\n')
		return false;
	if (len >= 2 && text[len - 1] == '\n' &&
	        (text[len - 2] == '\n' || text[len - 2] == ' ' || text[len - 2] == '\t'))
		return false;
	for (; *p; p += n) {
		unsigned c = read_utf8(p, &n);

		if (c != '\n' && needs_escape(c))
			return false;
		if (c == '\n' && p[1] == '\t')
			return false;
	}
	return true;
}

static void add_script(struct str *ret, const char *text)
{
	const char *end;

	if (!fits_block(text)) {
		add_scalar(ret, text);
		str_add_char(ret, '\n');
		return;
	}
	str_add(ret, text[strlen(text) - 1] == '\n' ? "|\n" : "|-\n");
	for (; *text; text = *end ? end + 1 : end) {
		end = strchrnul(text, '\n');
		if (end > text)
			str_add(ret, "    ");
		str_add_bytes(ret, text, (size_t)(end - text));
		str_add_char(ret, '\n');
	}
}

static void add_key(struct str *ret, const char *key, const char *value)
{
	if (!value)
		return;
	str_addf(ret, "%s: ", key);
	add_scalar(ret, value);
	str_add_char(ret, '\n');
}

static void add_duration(struct str *ret, const char *key, int64_t seconds)
{
	static const struct {
		int64_t s;
		char unit;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (seconds % units[i].s != 0)
			continue;
		str_addf(
		        ret, "%s: %lld%c\n", key, (long long)(seconds / units[i].s), units[i].unit);
		return;
	}
}

static void add_env(struct str *ret, const struct strv *env)
{
	if (env->n == 0)
		return;
	str_add(ret, "env:\n");
	for (size_t i = 0; i < env->n; i++) {
		const char *equals = strchr(env->v[i], '=');

		str_add(ret, "  ");
		/* A name such as NO or y is a boolean to some readers. */
		str_add_char(ret, '"');
		str_add_bytes(ret, env->v[i], (size_t)(equals - env->v[i]));
		str_add(ret, "\": ");
		add_quoted(ret, equals + 1);
		str_add_char(ret, '\n');
	}
}

void job_print(struct str *ret, const struct job *job)
{
	add_key(ret, "suite", job->suite);
	if (strcmp(job->category, JOB_CATEGORY_DEFAULT) != 0)
		add_key(ret, "category", job->category);
	if (strcmp(job->testbox, JOB_TESTBOX_DEFAULT) != 0)
		add_key(ret, "testbox", job->testbox);
	add_key(ret, "os", job->os);
	add_key(ret, "os_version", job->os_version);
	add_key(ret, "os_arch", job->os_arch);
	if (strcmp(job->upstream_repo, job->upstream_url) != 0)
		add_key(ret, "upstream_repo", job->upstream_repo);
	add_key(ret, "upstream_url", job->upstream_url);
	add_key(ret, "upstream_commit", job->upstream_commit);
	if (job->build_run || job->build_keep.n)
		str_add(ret, "build:\n");
	if (job->build_run) {
		str_add(ret, "  run: ");
		add_script(ret, job->build_run);
	}
	if (job->build_keep.n)
		str_add(ret, "  keep:\n");
	for (size_t i = 0; i < job->build_keep.n; i++) {
		str_add(ret, "    - ");
		add_scalar(ret, job->build_keep.v[i]);
		str_add_char(ret, '\n');
	}
	str_add(ret, "test:\n  run: ");
	add_script(ret, job->test_run);
	add_env(ret, &job->env);
	if (job->timeout_s != JOB_TIMEOUT_DEFAULT_S)
		add_duration(ret, "timeout", job->timeout_s);
	if (job->runtime_s)
		add_duration(ret, "runtime", job->runtime_s);
	if (job->error_match) {
		str_add(ret, "error:\n  match: ");
		add_scalar(ret, job->error_match);
		str_add_char(ret, '\n');
	}
}
