#include "job/rule_literals.h"

#include <string.h>

#include "base/mem.h"

#define DEPTH_MAX 50
#define LONG_ENOUGH 12 /* bytes: longer is not rarer */
#define CLASS_MAX 8    /* characters of a class that are tried one by one */

/* One of `set` is in every match of what was read; an empty set: nothing is known of it. */
struct required {
	struct strv set;
	size_t shortest;
};

struct reader {
	const char *p;
	unsigned depth;
	bool caseless;
	bool lost; /* something that is not understood: nothing holds */
};

static void read_alternatives(struct reader *r, struct required *ret);

static void required_release(struct required *required)
{
	strv_release(&required->set);
	required->shortest = 0;
}

/* Long literals are rare in a log, and few are looked for faster; what is too short is no use at
 * all. */
static long worth(const struct required *required)
{
	long shortest = (long)required->shortest;

	if (!required->set.n || shortest < RULE_LITERAL_MIN)
		return shortest;
	return 100 + 8 * (shortest < LONG_ENOUGH ? shortest : LONG_ENOUGH) - (long)required->set.n;
}

/* Keeps the better of two sets that both hold. */
static void keep_better(struct required *best, struct required *other)
{
	struct required rest;

	if (other->set.n && (!best->set.n || worth(other) > worth(best))) {
		rest = *best;
		*best = *other;
		*other = rest;
	}
	required_release(other);
}

/* --- A run: characters that stand beside each other, of which each may be one of several --- */

static void end_run(struct required *best, struct required *run)
{
	keep_better(best, run);
}

/* Appends one of `chars` to a run. */
static void add_chars(struct required *best, struct required *run, const char *chars)
{
	size_t n = strlen(chars);
	struct strv longer = STRV_INIT;

	if (run->set.n * n > RULE_LITERALS_MAX)
		end_run(best, run);
	if (!run->set.n)
		strv_push(&run->set, "");
	for (size_t i = 0; i < run->set.n; i++)
		for (size_t j = 0; j < n; j++)
			strv_pushf(&longer, "%s%c", run->set.v[i], chars[j]);
	strv_release(&run->set);
	run->set = longer;
	run->shortest++;
}

/* After "[": its characters if they are few and plain, then *p is behind the "]"; false: *p stays.
 */
static bool plain_class(const char **p, char ret[CLASS_MAX + 1])
{
	const char *q = *p;
	size_t n = 0;

	while (*q && *q != ']' && n < CLASS_MAX && !strchr("\\[^-", *q) && (unsigned char)*q < 0x80)
		ret[n++] = *q++;
	if (!n || *q != ']')
		return false;
	ret[n] = '\0';
	*p = q + 1;
	return true;
}

/* After "[" of a class: to behind its "]". */
static void skip_class(struct reader *r)
{
	if (*r->p == '^')
		r->p++;
	if (*r->p == ']')
		r->p++;
	while (*r->p && *r->p != ']') {
		if (*r->p == '[' && (r->p[1] == ':' || r->p[1] == '.' || r->p[1] == '=')) {
			const char closing[] = { r->p[1], ']', '\0' };
			const char *end = strstr(r->p + 2, closing);

			r->p = end ? end + 2 : r->p + 1;
		} else {
			r->p += *r->p == '\\' && r->p[1] ? 2 : 1;
		}
	}
	if (*r->p)
		r->p++;
}

enum repeat { ONCE, AT_LEAST_ONCE, MAYBE };

static enum repeat read_repeat(struct reader *r)
{
	enum repeat repeat = ONCE;
	const char *p = r->p;

	if (*p == '*' || *p == '?') {
		repeat = MAYBE;
		p++;
	} else if (*p == '+') {
		repeat = AT_LEAST_ONCE;
		p++;
	} else if (*p == '{' && ((p[1] >= '0' && p[1] <= '9') || p[1] == ',')) {
		repeat = p[1] == '0' || p[1] == ',' ? MAYBE : AT_LEAST_ONCE;
		p += strcspn(p, "}");
		p += *p == '}';
	} else {
		return ONCE;
	}
	if (*p == '?' || *p == '+')
		p++;
	r->p = p;
	return repeat;
}

/* What stands after "(?": true if a group of the pattern's own text follows, *ret_counts if it must
 * match here. */
static bool read_group_kind(struct reader *r, bool *ret_counts)
{
	const char *p = r->p;

	*ret_counts = true;
	if (*p == ':' || *p == '>') {
		r->p++;
		return true;
	}
	if (*p == '=' || *p == '!') {
		*ret_counts = false;
		r->p++;
		return true;
	}
	if (*p == '<' && (p[1] == '=' || p[1] == '!')) {
		*ret_counts = false;
		r->p += 2;
		return true;
	}
	if (*p == '<' || (*p == 'P' && p[1] == '<') || *p == '\'') {
		p += *p == 'P' ? 2 : 1;
		p += strcspn(p, ">'");
		r->p = p + (*p != '\0');
		return true;
	}
	p += strspn(p, "imsU-");
	r->caseless |= memchr(r->p, 'i', (size_t)(p - r->p)) != NULL;
	if (*p == ':' || *p == ')') {
		r->p = p + (*p == ':');
		return true;
	}
	r->lost = true;
	return false;
}

static void read_group(struct reader *r, struct required *ret)
{
	bool counts = true;

	if (*r->p == '*')
		r->lost = true;
	if (*r->p == '?') {
		r->p++;
		if (!read_group_kind(r, &counts))
			return;
	}
	read_alternatives(r, ret);
	if (*r->p == ')')
		r->p++;
	if (!counts)
		required_release(ret);
}

/* After a backslash: the literal that it stands for, or 0.  *ret_keeps_run: it takes no room. */
static char read_escape(struct reader *r, bool *ret_keeps_run)
{
	char c = *r->p;

	if (!c)
		return 0;
	r->p++;
	*ret_keeps_run = c == 'b' || c == 'B' || c == 'A' || c == 'z' || c == 'Z' || c == 'G';
	if (c == 't')
		return '\t';
	if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
		/* What takes an argument or changes the meaning of what follows is not for
		 * guessing. */
		if (strchr("QExopPNgkKcu", c) || (c >= '0' && c <= '9'))
			r->lost = true;
		return 0;
	}
	return c;
}

/* One of `chars`, as often as what follows says. */
static void read_chars(
        struct reader *r, const char *chars, struct required *best, struct required *run)
{
	enum repeat repeat = read_repeat(r);

	if (repeat != MAYBE)
		add_chars(best, run, chars);
	if (repeat != ONCE)
		end_run(best, run);
	/* The last of many stands beside what follows. */
	if (repeat == AT_LEAST_ONCE)
		add_chars(best, run, chars);
}

/* Whatever stands there: a run ends before it. */
static void skip_unknown(struct reader *r, struct required *best, struct required *run)
{
	end_run(best, run);
	(void)read_repeat(r);
}

static void read_nested(struct reader *r, struct required *best, struct required *run)
{
	struct required group = { STRV_INIT, 0 };

	end_run(best, run);
	read_group(r, &group);
	if (read_repeat(r) == MAYBE)
		required_release(&group);
	keep_better(best, &group);
}

static void read_backslash(struct reader *r, struct required *best, struct required *run)
{
	bool keeps_run = false, digits = *r->p == 'd';
	char c = read_escape(r, &keeps_run);

	if (c || digits)
		read_chars(r, digits ? "0123456789" : (const char[]){ c, '\0' }, best, run);
	else if (!keeps_run)
		skip_unknown(r, best, run);
}

static void read_sequence(struct reader *r, struct required *best)
{
	struct required run = { STRV_INIT, 0 };
	char chars[CLASS_MAX + 1];

	while (*r->p && *r->p != '|' && *r->p != ')' && !r->lost) {
		char c = *r->p++;

		switch (c) {
		case '^':
		case '$':
			break;
		case '(':
			read_nested(r, best, &run);
			break;
		case '[':
			if (plain_class(&r->p, chars)) {
				read_chars(r, chars, best, &run);
			} else {
				skip_class(r);
				skip_unknown(r, best, &run);
			}
			break;
		case '.':
			skip_unknown(r, best, &run);
			break;
		case '\\':
			read_backslash(r, best, &run);
			break;
		default:
			if ((unsigned char)c < 0x80) {
				read_chars(r, (const char[]){ c, '\0' }, best, &run);
				break;
			}
			while ((*r->p & 0xc0) ==
			        0x80) /* a repeat would be of the whole character */
				r->p++;
			skip_unknown(r, best, &run);
		}
	}
	end_run(best, &run);
}

static void read_alternatives(struct reader *r, struct required *ret)
{
	bool all = true;

	if (++r->depth > DEPTH_MAX)
		r->lost = true;
	for (bool first = true; !r->lost; first = false) {
		struct required one = { STRV_INIT, 0 };

		read_sequence(r, &one);
		all = all && one.set.n && ret->set.n + one.set.n <= RULE_LITERALS_MAX;
		if (all) {
			for (size_t i = 0; i < one.set.n; i++)
				strv_push(&ret->set, one.set.v[i]);
			ret->shortest = first || one.shortest < ret->shortest ? one.shortest
			                                                      : ret->shortest;
		}
		required_release(&one);
		if (*r->p != '|')
			break;
		r->p++;
	}
	if (!all || r->lost)
		required_release(ret);
	r->depth--;
}

static void make_lower(struct strv *set)
{
	for (size_t i = 0; i < set->n; i++)
		for (char *p = set->v[i]; *p; p++)
			if (*p >= 'A' && *p <= 'Z')
				*p |= 0x20;
}

bool rule_literals(struct strv *ret, bool *ret_caseless, const char *regex)
{
	struct reader r = { .p = regex };
	struct required required = { STRV_INIT, 0 };

	read_alternatives(&r, &required);
	if (r.lost || *r.p || required.shortest < RULE_LITERAL_MIN) {
		required_release(&required);
		return false;
	}
	if (r.caseless)
		make_lower(&required.set);
	strv_sort_unique(&required.set);
	*ret = required.set;
	*ret_caseless = r.caseless;
	return true;
}
