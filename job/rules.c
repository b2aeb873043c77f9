#include "job/rules.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "job/errorid.h"
#include "job/rule_literals.h"
#include "job/rules_internal.h"

#define CASE_LINE_MAX 1000 /* bytes; a longer line names no test case */
#define TIRED_AFTER 20     /* lines on which an expression gave up: each costs milliseconds */
#define HARD_LINE 4096     /* bytes of a line made to be hard */

static void table_release(struct rule_table *table)
{
	line_filter_free(table->filter);
	free(table->rows);
}

void rules_free(struct rules *rules)
{
	if (!rules)
		return;
	for (size_t i = 0; i < rules->n; i++) {
		struct rule *rule = rules->rules[i];

		free(rule->name);
		free(rule->id);
		free(rule->case_name);
		free(rule->passed_name);
		free(rule->function);
		free(rules->rules[i]->names);
		free(rule->with);
		free(rule);
	}
	for (size_t i = 0; i < rules->n_patterns; i++) {
		pattern_free(rules->patterns[i]->pattern);
		free(rules->patterns[i]->regex);
		free(rules->patterns[i]->where);
		free(rules->patterns[i]);
	}
	for (int log = 0; log < RULES_NLOGS; log++) {
		table_release(&rules->lines[log]);
		table_release(&rules->rewrites[log]);
		table_release(&rules->frames[log]);
		table_release(&rules->helpers[log]);
	}
	free(rules->rules);
	free(rules->patterns);
	str_release(&rules->text);
	free(rules);
}

/* --- Reading --- */

static int load_file(struct rules *rules, const char *path, struct error *err)
{
	struct str text = STR_INIT;
	const char *slash = strrchr(path, '/');
	int r = file_read(&text, path, RULES_FILE_MAX, err);

	if (r == 0)
		r = rules_read(rules, path, text.buf, text.len, err);
	if (r == 0) {
		str_addf(&rules->text, "%s\n%zu\n", slash ? slash + 1 : path, text.len);
		str_add_bytes(&rules->text, text.buf, text.len);
	}
	str_release(&text);
	return r;
}

static int list_files(struct strv *ret, const char *path, struct error *err)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	if (!dir)
		return error_errno(err, errno, "cannot read the rules of error ids in %s", path);
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.' && str_has_suffix(entry->d_name, ".yaml"))
			strv_pushf(ret, "%s/%s", path, entry->d_name);
	closedir(dir);
	strv_sort_unique(ret);
	if (ret->n > RULES_FILES_MAX)
		return error_set(err, ERR_LIMIT, "%s: found %zu files of rules, allowed are %d",
		        path, ret->n, RULES_FILES_MAX);
	return 0;
}

static void set_version(struct rules *rules)
{
	char hex[HASH_HEX_LEN + 1];

	hash_bytes(rules->text.buf, rules->text.len, hex);
	snprintf(rules->version, sizeof(rules->version), "%d.%.12s", ERRORID_VERSION, hex);
	str_release(&rules->text);
}

int rules_load(struct rules **ret, const char *path, struct error *err)
{
	struct rules *rules = mem_alloc(sizeof(*rules));
	struct strv files = STRV_INIT;
	struct stat st;
	int r = 0;

	str_init(&rules->text);
	if (stat(path, &st) < 0)
		r = error_errno(err, errno, "cannot read the rules of error ids in %s", path);
	else if (S_ISDIR(st.st_mode))
		r = list_files(&files, path, err);
	else
		strv_push(&files, path);
	for (size_t i = 0; i < files.n && r == 0; i++)
		r = load_file(rules, files.v[i], err);
	if (r == 0 && rules->n == 0)
		r = error_set(err, ERR_INVALID, "%s: found no rule of error ids (*.yaml)", path);
	strv_release(&files);
	if (r < 0) {
		rules_free(rules);
		return r;
	}
	set_version(rules);
	*ret = rules;
	return 0;
}

size_t rules_count(const struct rules *rules)
{
	return rules->n_patterns;
}

size_t rules_always(const struct rules *rules)
{
	size_t n = 0;

	for (size_t i = 0; i < rules->n_patterns; i++) {
		struct strv literals = STRV_INIT;
		bool caseless;

		if (!rule_literals(&literals, &caseless, rules->patterns[i]->regex))
			n++;
		strv_release(&literals);
	}
	return n;
}

const char *rules_version(const struct rules *rules)
{
	return rules->version;
}

/* --- Time --- */

static bool gives_up(const struct rule_pattern *row, const char *begin, const char *unit)
{
	struct str line = STR_INIT;
	bool answer;

	str_add(&line, begin);
	while (line.len < HARD_LINE)
		str_add(&line, unit);
	str_add_char(&line, '\x01');
	answer = pattern_match(row->pattern, line.buf, line.len, NULL) == PATTERN_GAVE_UP;
	str_release(&line);
	return answer;
}

void rules_check_time(const struct rules *rules, struct strv *ret)
{
	static const char *const units[] = { "a", "A", "1", " ", ".", ":", "a ", "a.", "a:", "a/",
		"1.", "aA1_" };

	for (size_t i = 0; i < rules->n_patterns; i++) {
		const struct rule_pattern *row = rules->patterns[i];
		struct strv begins = STRV_INIT;
		bool slow = false, caseless;

		if (!rule_literals(&begins, &caseless, row->regex))
			strv_push(&begins, "");
		for (size_t b = 0; b < begins.n && !slow; b++)
			for (size_t u = 0; u < sizeof(units) / sizeof(*units) && !slow; u++) {
				slow = gives_up(row, begins.v[b], units[u]);
				if (slow)
					strv_pushf(ret,
					        "%s: match: takes too many steps on a line of '%s' "
					        "and %d bytes of '%s'; "
					        "a repeat within a repeat, as in (a+)+, does that",
					        row->where, begins.v[b], HARD_LINE, units[u]);
			}
		strv_release(&begins);
	}
}

/* --- Asking --- */

static size_t table_ask(const struct rule_table *table, const char *text, size_t len, uint16_t *ret)
{
	return table->n ? line_filter_ask(table->filter, text, len, ret) : 0;
}

struct asking {
	const struct rules *rules;
	uint8_t *tired;
	struct rule_hit *hit;
};

static bool try(struct asking *asking, const struct rule_pattern *row, const char *text, size_t len,
        struct pattern_group *groups)
{
	uint8_t *tired = &asking->tired[row->number];
	enum pattern_answer answer = PATTERN_GAVE_UP;

	if (*tired < TIRED_AFTER)
		answer = pattern_match(row->pattern, text, len, groups);
	if (answer == PATTERN_GAVE_UP) {
		*tired = (uint8_t)(*tired + (*tired < TIRED_AFTER));
		asking->hit->gave_up = row->rule;
	}
	return answer == PATTERN_YES;
}

static void set_rule(struct rule_hit *hit, const struct rule *rule)
{
	hit->rule = rule;
	hit->part = rule->part;
}

static bool is_case(const struct rule_pattern *row)
{
	return row->rule->case_name;
}

/* What the rewrites for cases leave of a line, from its start; one that does not only cut the end
 * off counts as none. */
static size_t case_len(const struct rules *rules, const char *text, size_t len)
{
	struct str line = STR_INIT;

	str_add_bytes(&line, text, len);
	rules_rewrite(rules, RULES_CASE, SPELLING_ID, &line);
	if (line.len <= len && !memcmp(line.buf, text, line.len))
		len = line.len;
	str_release(&line);
	return len;
}

static bool ask_cases(struct asking *asking, const struct rule_table *table, const uint16_t *rows,
        size_t n, const char *text, size_t len)
{
	bool found = false, rewritten = false;

	if (len > CASE_LINE_MAX)
		return false;
	for (size_t i = 0; i < n && !found; i++) {
		const struct rule_pattern *row = table->rows[rows[i]];

		if (!is_case(row))
			continue;
		/* The time a test took goes before the forms are tried: they need not know it. */
		if (!rewritten)
			len = case_len(asking->rules, text, len);
		rewritten = true;
		found = try(asking, row, text, len, asking->hit->groups);
		if (found)
			set_rule(asking->hit, row->rule);
	}
	return found;
}

void rules_ask(const struct rules *rules, enum rule_log log, const struct rule_line *line,
        uint8_t *tired, struct rule_hit *ret)
{
	const struct rule_table *table = &rules->lines[log];
	struct asking asking = { rules, tired, ret };
	const char *text = line->text + line->skip;
	size_t len = line->len - line->skip, n;
	struct pattern_group groups[PATTERN_GROUPS_MAX];
	uint16_t rows[LINE_FILTER_MAX];

	ret->rule = ret->mark = ret->gave_up = NULL;
	ret->ignored = false;
	ret->part = PART_OF_NONE;
	n = table_ask(table, line->text, line->len, rows);
	if (n == 0 ||
	        (!line->no_cases && ask_cases(&asking, table, rows, n, line->text, line->len)))
		return;
	for (size_t i = 0; i < n && !ret->rule; i++) {
		const struct rule_pattern *row = table->rows[rows[i]];

		if (row->kind == RULE_ERROR && !is_case(row) &&
		        !(line->no_cases && row->rule->passed_name) &&
		        try(&asking, row, text, len, ret->groups))
			set_rule(ret, row->rule);
		else if (row->kind == RULE_MARK && try(&asking, row, text, len, groups)) {
			ret->mark = row->rule;
			ret->mark_group = pattern_groups(row->pattern) ? groups[1] : (struct pattern_group){ NULL, 0 };
		}
	}
	if (!ret->rule && log != RULES_STDERR && log != RULES_KMSG)
		return;
	for (size_t i = 0; i < n && !ret->ignored; i++) {
		const struct rule_pattern *row = table->rows[rows[i]];

		ret->ignored = row->kind == RULE_IGNORE && try(&asking, row, text, len, NULL);
	}
}

void rules_rewrite(
        const struct rules *rules, enum rule_log log, enum rule_spelling spelling, struct str *line)
{
	const struct rule_table *table = &rules->rewrites[log];
	uint16_t rows[LINE_FILTER_MAX];
	size_t n = table_ask(table, line->buf, line->len, rows);
	size_t next = 0; /* rows before it are done */

	for (size_t i = 0; i < n; i++) {
		const struct rule_pattern *row = table->rows[rows[i]];

		if (rows[i] < next)
			continue;
		next = rows[i] + 1u;
		if (row->rule->in != SPELLING_BOTH && row->rule->in != spelling)
			continue;
		if (!pattern_replace(row->pattern, line, row->rule->with))
			continue;
		/* Each sees what the ones before left: what can match now? */
		n = table_ask(table, line->buf, line->len, rows);
		i = (size_t)-1;
	}
}

bool rules_frame(const struct rules *rules, enum rule_log log, const char *text, size_t len,
        struct pattern_group *ret)
{
	const struct rule_table *table = &rules->frames[log];
	struct pattern_group groups[PATTERN_GROUPS_MAX];
	uint16_t rows[LINE_FILTER_MAX];
	size_t n = table_ask(table, text, len, rows);

	for (size_t i = 0; i < n; i++)
		if (pattern_match(table->rows[rows[i]]->pattern, text, len, groups) ==
		                PATTERN_YES &&
		        groups[1].len) {
			*ret = groups[1];
			return true;
		}
	return false;
}

bool rules_is_helper(const struct rules *rules, enum rule_log log, const char *function, size_t len)
{
	const struct rule_table *table = &rules->helpers[log];

	for (size_t i = 0; i < table->n; i++)
		if (pattern_match(table->rows[i]->pattern, function, len, NULL) == PATTERN_YES)
			return true;
	return false;
}

/* --- The rules of this process --- */

static struct {
	pthread_mutex_t lock;
	char *dir;
	struct rules *rules;
} standard = { .lock = PTHREAD_MUTEX_INITIALIZER };

void rules_use(const char *dir)
{
	pthread_mutex_lock(&standard.lock);
	if (dir) {
		free(standard.dir);
		standard.dir = mem_strdup(dir);
	}
	pthread_mutex_unlock(&standard.lock);
}

/* Where this program was built, its rules are those of the source tree: it was not installed yet.
 */
static bool runs_where_built(void)
{
	char own[4096];
	ssize_t n = readlink("/proc/self/exe", own, sizeof(own) - 1);
	bool built_here;
	char *real;
	size_t len;

	if (n <= 0)
		return false;
	own[n] = '\0';
	real = realpath(TOP_BUILD_DIR, NULL);
	if (!real)
		return false;
	len = strlen(real);
	built_here = !strncmp(own, real, len) && own[len] == '/';
	free(real);
	return built_here;
}

const char *rules_standard_dir(void)
{
	const char *given = getenv("BISECTD_RULES_DIR");

	if (standard.dir && *standard.dir)
		return standard.dir;
	if (given && *given)
		return given;
	return runs_where_built() ? TOP_SOURCE_DIR "/rules" : PKGDATADIR "/rules";
}

int rules_standard(const struct rules **ret, struct error *err)
{
	int r = 0;

	pthread_mutex_lock(&standard.lock);
	if (!standard.rules)
		r = rules_load(&standard.rules, rules_standard_dir(), err);
	if (r == 0)
		*ret = standard.rules;
	pthread_mutex_unlock(&standard.lock);
	return r;
}
