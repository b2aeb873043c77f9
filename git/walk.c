#include "git/walk.h"

#include <stdlib.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "git/command.h"

#define SHALLOW_MAX ((size_t)64 << 20)
#define LATE_COLOURS 1000
#define TABLE_MIN 1024

static int compare_oids(const void *a, const void *b)
{
	return git_oid_cmp(a, b);
}

static int read_cuts(struct walk *walk, git_repository *repository, struct error *err)
{
	struct str path = STR_INIT, text = STR_INIT;
	struct error missing = ERROR_INIT;
	int result = 0;

	str_addf(&path, "%sshallow", git_repository_commondir(repository));
	if (file_read(&text, path.buf, SHALLOW_MAX, &missing) < 0) {
		if (missing.code != ERR_NOT_FOUND)
			result = error_set(err, missing.code, "%s", missing.text);
		goto out;
	}
	for (const char *p = text.buf; *p; p += strcspn(p, "\n"), p += *p == '\n') {
		MEM_GROW(walk->cuts, walk->n_cuts + 1, walk->cap_cuts);
		if (strcspn(p, "\n") == GIT_OID_HEXSZ &&
			git_oid_fromstrn(&walk->cuts[walk->n_cuts], p, GIT_OID_HEXSZ) == 0)
			walk->n_cuts++;
	}
	if (walk->n_cuts)
		qsort(walk->cuts, walk->n_cuts, sizeof(*walk->cuts), compare_oids);
out:
	str_release(&path);
	str_release(&text);
	return result;
}

int walk_open(struct walk *ret, git_repository *repository, const char *where, struct error *err)
{
	struct walk walk = { .where = where };
	int result;

	if (git_repository_odb(&walk.odb, repository) < 0)
		return error_set(err, ERR_CORRUPT, "%s: %s", where, git_library_words());
	result = read_cuts(&walk, repository, err);
	if (result < 0) {
		walk_release(&walk);
		return result;
	}
	*ret = walk;
	return 0;
}

void walk_release(struct walk *walk)
{
	git_odb_free(walk->odb);
	free(walk->commits);
	free(walk->parents);
	free(walk->table);
	free(walk->heap);
	free(walk->cuts);
	*walk = (struct walk){ 0 };
}

/* --- Commits by id. --- */

static size_t slot_of(const struct walk *walk, const git_oid *oid)
{
	size_t slot;

	/* An id is a hash already. */
	memcpy(&slot, oid->id, sizeof(slot));
	for (slot &= walk->table_size - 1; walk->table[slot];
		slot = (slot + 1) & (walk->table_size - 1)) {
		if (git_oid_equal(&walk->commits[walk->table[slot] - 1].oid, oid))
			break;
	}
	return slot;
}

static void grow_table(struct walk *walk)
{
	free(walk->table);
	walk->table_size = walk->table_size ? walk->table_size * 2 : TABLE_MIN;
	walk->table = mem_array(walk->table_size, sizeof(*walk->table));
	for (size_t i = 0; i < walk->n; i++)
		walk->table[slot_of(walk, &walk->commits[i].oid)] = (uint32_t)i + 1;
}

static uint32_t number_of(struct walk *walk, const git_oid *oid)
{
	size_t slot;

	if (2 * (walk->n + 1) > walk->table_size)
		grow_table(walk);
	slot = slot_of(walk, oid);
	if (!walk->table[slot]) {
		MEM_GROW(walk->commits, walk->n + 1, walk->cap);
		walk->commits[walk->n] = (struct walk_commit){ .oid = *oid };
		walk->table[slot] = (uint32_t)++walk->n;
	}
	return walk->table[slot] - 1;
}

/* "<name> <40 hex>\n" at *p of `end`: the id, and *p after the line. */
static bool take_id(git_oid *ret, const char **p, const char *end, const char *name)
{
	size_t len = strlen(name);

	if ((size_t)(end - *p) < len + GIT_OID_HEXSZ + 1 || memcmp(*p, name, len) != 0 ||
		(*p)[len + GIT_OID_HEXSZ] != '\n' ||
		git_oid_fromstrn(ret, *p + len, GIT_OID_HEXSZ) < 0)
		return false;
	*p += len + GIT_OID_HEXSZ + 1;
	return true;
}

/*
 * The committer's time; 0 where a header is not as it should be, for a date orders the walk and
 * proves nothing.
 */
static int64_t take_time(const char *p, const char *end)
{
	while (p < end && *p != '\n') {
		const char *line_end = memchr(p, '\n', (size_t)(end - p));

		if (!line_end)
			break;
		if (line_end - p > 10 && memcmp(p, "committer ", 10) == 0) {
			const char *mail_end = memrchr(p, '>', (size_t)(line_end - p));
			long long seconds = mail_end ? strtoll(mail_end + 1, NULL, 10) : 0;

			return seconds > 0 ? seconds : 0;
		}
		p = line_end + 1;
	}
	return 0;
}

static int parse(struct walk *walk, uint32_t number, const char *text, size_t len)
{
	const char *p = text, *end = text + len;
	git_oid oid;
	bool cut = walk->n_cuts && bsearch(&walk->commits[number].oid, walk->cuts, walk->n_cuts,
					   sizeof(*walk->cuts), compare_oids);
	uint32_t n = 0;
	size_t first = walk->n_parents;

	if (!take_id(&oid, &p, end, "tree "))
		return -1;
	walk->commits[number].tree = oid;
	while (take_id(&oid, &p, end, "parent ")) {
		n++;
		if (cut)
			continue;
		MEM_GROW(walk->parents, walk->n_parents + 1, walk->cap_parents);
		walk->parents[walk->n_parents] = number_of(walk, &oid);
		walk->n_parents++;
	}
	/* number_of may have moved the array: only now a pointer into it. */
	struct walk_commit *commit = &walk->commits[number];

	commit->first = (uint32_t)first;
	commit->n_parents = cut ? 0 : n;
	commit->cut = cut && n > 0;
	commit->time_s = take_time(p, end);
	commit->read = true;
	return 0;
}

static int read_commit(struct walk *walk, uint32_t number, struct error *err)
{
	git_odb_object *object = NULL;
	git_oid oid = walk->commits[number].oid;
	char hex[GIT_OID_HEXSZ + 1];
	int result = 0;

	if (walk->commits[number].read)
		return 0;
	git_oid_tostr(hex, sizeof(hex), &oid);
	if (git_odb_read(&object, walk->odb, &oid) < 0)
		result = error_set(err, ERR_CORRUPT, "commit %s cannot be read from %s: %s", hex,
			walk->where, git_library_words());
	else if (git_odb_object_type(object) != GIT_OBJECT_COMMIT ||
		parse(walk, number, git_odb_object_data(object), git_odb_object_size(object)) < 0)
		result = error_set(err, ERR_CORRUPT, "object %s in %s is no commit as it should be",
			hex, walk->where);
	git_odb_object_free(object);
	return result;
}

int walk_read(uint32_t *ret, struct walk *walk, const git_oid *oid, struct error *err)
{
	uint32_t number = number_of(walk, oid);
	int result = read_commit(walk, number, err);

	if (result == 0)
		*ret = number;
	return result;
}

/* --- A heap of commits, newest first; of the same second the one that was met first. --- */

static bool comes_before(const struct walk *walk, uint32_t a, uint32_t b)
{
	if (walk->commits[a].time_s != walk->commits[b].time_s)
		return walk->commits[a].time_s > walk->commits[b].time_s;
	return a < b;
}

static void heap_push(struct walk *walk, uint32_t number)
{
	size_t i = walk->n_heap++;

	MEM_GROW(walk->heap, walk->n_heap, walk->cap_heap);
	for (; i > 0 && comes_before(walk, number, walk->heap[(i - 1) / 2]); i = (i - 1) / 2)
		walk->heap[i] = walk->heap[(i - 1) / 2];
	walk->heap[i] = number;
}

static uint32_t heap_pop(struct walk *walk)
{
	uint32_t top = walk->heap[0], last = walk->heap[--walk->n_heap];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < walk->n_heap) {
		if (child + 1 < walk->n_heap &&
			comes_before(walk, walk->heap[child + 1], walk->heap[child]))
			child++;
		if (!comes_before(walk, walk->heap[child], last))
			break;
		walk->heap[i] = walk->heap[child];
		i = child;
	}
	walk->heap[i] = last;
	return top;
}

/* --- Painting. --- */

struct paint {
	struct walk *walk;
	uint8_t closed;		/* a commit with all of these colours opens nothing new */
	size_t n_open;		/* commits in the heap that are not closed */
	size_t n_seen;		/* commits taken from the heap */
	size_t n_late;		/* taken since nothing was open */
};

static bool is_open(const struct paint *paint, uint8_t colour)
{
	return (colour & paint->closed) != paint->closed;
}

static int add_colour(struct paint *paint, uint32_t number, uint8_t colour, struct error *err)
{
	struct walk_commit *commit;
	uint8_t before;
	int result = read_commit(paint->walk, number, err);

	if (result < 0)
		return result;
	commit = &paint->walk->commits[number];
	before = commit->colour;
	if ((before & colour) == colour)
		return 0;
	commit->colour |= colour;
	if (commit->queued) {
		if (is_open(paint, before) && !is_open(paint, commit->colour))
			paint->n_open--;
		return 0;
	}
	/*
	 * A colour that reached a commit we had passed: clocks were wrong, and there may be more of
	 * this.
	 */
	if (before)
		paint->n_late = 0;
	commit->queued = true;
	if (is_open(paint, commit->colour))
		paint->n_open++;
	heap_push(paint->walk, number);
	return 0;
}

static int spread(struct paint *paint, uint32_t number, bool first_parent, struct error *err)
{
	const struct walk_commit *commit = &paint->walk->commits[number];
	uint32_t first = commit->first, n = commit->n_parents;
	uint8_t colour = commit->colour;

	if ((colour & WALK_BOTH) == WALK_BOTH)
		colour |= WALK_STALE;
	else if (first_parent && colour == WALK_BAD && n > 1)
		n = 1;
	for (uint32_t i = 0; i < n; i++) {
		int result = add_colour(paint, paint->walk->parents[first + i], colour, err);

		if (result < 0)
			return result;
	}
	return 0;
}

int walk_paint(struct walk *walk, uint32_t bad, const uint32_t *good, size_t n_good,
	bool first_parent, bool bases, struct error *err)
{
	struct paint paint = { .walk = walk, .closed = bases ? WALK_STALE : WALK_BOTH };
	int result;

	for (size_t i = 0; i < walk->n; i++) {
		walk->commits[i].colour = 0;
		walk->commits[i].queued = false;
	}
	walk->n_heap = 0;
	if ((result = add_colour(&paint, bad, WALK_BAD, err)) < 0)
		return result;
	for (size_t i = 0; i < n_good; i++) {
		if ((result = add_colour(&paint, good[i], WALK_GOOD, err)) < 0)
			return result;
	}
	while (walk->n_heap) {
		uint32_t number;

		if (!paint.n_open && paint.n_late++ > paint.n_seen + LATE_COLOURS)
			break;
		number = heap_pop(walk);
		walk->commits[number].queued = false;
		if (is_open(&paint, walk->commits[number].colour)) {
			paint.n_open--;
			paint.n_seen++;
		}
		if ((result = spread(&paint, number, first_parent, err)) < 0)
			return result;
	}
	return 0;
}

static int compare_numbers(const void *a, const void *b, void *arg)
{
	const struct walk *walk = arg;

	return git_oid_cmp(
		&walk->commits[*(const uint32_t *)a].oid, &walk->commits[*(const uint32_t *)b].oid);
}

int walk_merge_bases(uint32_t **ret, size_t *ret_n, struct walk *walk, uint32_t bad, uint32_t good,
	struct error *err)
{
	uint32_t *bases = NULL;
	size_t n = 0, cap = 0;
	int result = walk_paint(walk, bad, &good, 1, false, true, err);

	if (result < 0)
		return result;
	for (size_t i = 0; i < walk->n; i++) {
		if ((walk->commits[i].colour & (WALK_BOTH | WALK_STALE)) == WALK_BOTH) {
			MEM_GROW(bases, n + 1, cap);
			bases[n++] = (uint32_t)i;
		}
	}
	if (n)
		qsort_r(bases, n, sizeof(*bases), compare_numbers, walk);
	*ret = bases;
	*ret_n = n;
	return 0;
}
