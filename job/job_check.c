#include <limits.h>
#include <string.h>

#include "base/str.h"
#include "job/job_check.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"
#define NEAREST_LEN_MAX 32
#define REVISION_MAX 256

bool check_has_control(const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++)
		if ((*p < 0x20 && *p != '\t' && *p != '\n') || *p == 0x7f ||
		        (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0))
			return true;
	return false;
}

bool check_is_word(const char *text)
{
	return *text && strchr(LETTERS DIGITS, *text) &&
	       text[strspn(text, LETTERS DIGITS "._+-")] == '\0';
}

bool check_is_variable(const char *text)
{
	size_t len = strlen(text);

	return len > 0 && len <= 200 && !strchr(DIGITS, *text) &&
	       strspn(text, LETTERS DIGITS "_") == len;
}

static const char url_forms[] = "https://..., http://..., git://..., ssh://..., file://..., "
                                "user@host:path, or the path of a repository; "
                                "nothing that begins with \"-\"";

const char *check_url(const char *url)
{
	static const char *const schemes[] = { "https", "http", "git", "ssh", "file" };
	const char *after = strstr(url, "://"), *host, *colon;

	if (*url == '-' || *url == ' ')
		return url_forms;
	/* "ext::...": git gives the rest to a program git-remote-ext. */
	if (url[strspn(url, LETTERS DIGITS "+.-_")] == ':' &&
	        strstr(url, "::") == url + strspn(url, LETTERS DIGITS "+.-_"))
		return url_forms;
	if (!after || strcspn(url, ":/") != (size_t)(after - url)) {
		colon = strchr(url, ':');
		if (!colon || memchr(url, '/', (size_t)(colon - url)))
			return NULL; /* a path */
		host = memrchr(url, '@', (size_t)(colon - url));
		host = host ? host + 1 : url;
		return host == colon || *host == '-' || colon[1] == '\0' || colon[1] == '-'
		               ? url_forms
		               : NULL;
	}
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		size_t len = strlen(schemes[i]);
		const char *authority_end;

		if ((size_t)(after - url) != len || strncmp(url, schemes[i], len) != 0)
			continue;
		host = after + 3;
		authority_end = strchrnul(host, '/');
		if (memrchr(host, '@', (size_t)(authority_end - host)))
			host = (const char *)memrchr(host, '@', (size_t)(authority_end - host)) + 1;
		if (*host == '-' || after[3] == '-' || after[3] == '\0')
			return url_forms;
		return NULL;
	}
	return url_forms;
}

const char *check_revision(const char *revision)
{
	size_t len = strlen(revision);

	if (*revision == '-')
		return "a revision that does not begin with \"-\"";
	if (len > REVISION_MAX)
		return "a revision of at most 256 bytes";
	if (strpbrk(revision, " :?*[\\"))
		return "one commit, tag or branch, without blanks and : ? * [ \\";
	if (strstr(revision, ".."))
		return "one commit, tag or branch; no range";
	return NULL;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c == '-' ? '_' : c;
}

/* Letters to insert, leave out, change or swap with their neighbour; capitals and - for _ cost
 * nothing. */
static unsigned distance(const char *a, const char *b)
{
	unsigned rows[3][NEAREST_LEN_MAX + 1] = { 0 };
	unsigned *before = rows[0], *last = rows[1], *now = rows[2], *spare;
	size_t a_len = strlen(a), b_len = strlen(b);

	if (a_len > NEAREST_LEN_MAX || b_len > NEAREST_LEN_MAX)
		return UINT_MAX;
	for (size_t j = 0; j <= b_len; j++)
		last[j] = (unsigned)j;
	for (size_t i = 1; i <= a_len; i++) {
		now[0] = (unsigned)i;
		for (size_t j = 1; j <= b_len; j++) {
			unsigned best = last[j - 1] + (lower(a[i - 1]) != lower(b[j - 1]));

			if (last[j] + 1 < best)
				best = last[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
			        lower(a[i - 2]) == lower(b[j - 1]) && before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			now[j] = best;
		}
		spare = before;
		before = last;
		last = now;
		now = spare;
	}
	return last[b_len];
}

const char *check_nearest(const char *text, const char *const *names)
{
	const char *nearest = NULL;
	unsigned best = UINT_MAX;

	for (const char *const *name = names; *name; name++) {
		unsigned d = distance(text, *name), len = (unsigned)strlen(*name);

		if (d < best && d <= (len < 4 ? 1 : len / 3)) {
			best = d;
			nearest = *name;
		}
	}
	return nearest;
}
