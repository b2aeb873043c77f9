#include "job/error_notes.h"

#include "base/mem.h"

#define LINE_SHOWN_MAX 1000
#define SLOTS 4096 /* a power of two, several times ERRORID_COUNT_MAX */
#define PART_LINES                                                                                 \
	300 /* a stack, registers and what else stands between the parts of one report             \
	     */
#define NEXT_LINES 10

/*
 * Room in the list: plain lines of standard error may not fill it up before the line that matters
 * comes, and the match and the end of the run always find a place.
 */
#define PLAIN_COUNT_MAX (ERRORID_COUNT_MAX / 2)
#define ORDINARY_COUNT_MAX (ERRORID_COUNT_MAX - 2)

_Static_assert(
        (SLOTS & (SLOTS - 1)) == 0 && SLOTS > 2 * ERRORID_COUNT_MAX, "the table stays loose");

void notes_init(struct notes *notes)
{
	*notes = (struct notes){ .slots = mem_array(SLOTS, sizeof(uint16_t)) };
}

void notes_release(struct notes *notes)
{
	for (size_t i = 0; i < notes->n; i++) {
		free(notes->found[i].id);
		free(notes->found[i].line);
		free(notes->found[i].function);
		strv_release(&notes->found[i].aliases);
	}
	free(notes->found);
	free(notes->slots);
	*notes = (struct notes){ 0 };
}

/* As FNV-1a, but eight bytes at a time: of standard error every line comes here. */
static uint64_t hash_id(const char *id)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (size_t left = strlen(id); left;) {
		uint64_t word = 0;
		size_t n = left < sizeof(word) ? left : sizeof(word);

		memcpy(&word, id, n);
		hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
		hash ^= hash >> 32;
		id += n;
		left -= n;
	}
	return hash;
}

/* The slot of an id, or the free one where it would go (linear probing). */
static uint16_t *find_slot(const struct notes *notes, const char *id)
{
	for (size_t i = hash_id(id);; i++) {
		uint16_t *slot = &notes->slots[i & (SLOTS - 1)];

		if (!*slot || strcmp(notes->found[*slot - 1].id, id) == 0)
			return slot;
	}
}

static void add_aliases(struct found_error *found, const struct strv *aliases)
{
	for (size_t i = 0; aliases && i < aliases->n && found->aliases.n < ERRORID_ALIASES_MAX; i++)
		if (strcmp(aliases->v[i], found->id) && !strv_has(&found->aliases, aliases->v[i]))
			strv_push(&found->aliases, aliases->v[i]);
}

static bool is_near(const struct caller *caller, uint64_t line, uint64_t lines)
{
	return caller->has_finding && (line == 0 || line - caller->finding_line <= lines);
}

/* Whose state is missed least: without a finding that a part may still belong to, and then the longest silent. */
static bool is_forgotten_before(const struct caller *a, const struct caller *b, uint64_t line)
{
	bool a_near = is_near(a, line, PART_LINES), b_near = is_near(b, line, PART_LINES);

	return a_near != b_near ? b_near : a->used < b->used;
}

static bool is_called(const struct caller *caller, const char *name, size_t len)
{
	return caller->len == len && !memcmp(caller->name, name, len);
}

struct caller *notes_hear(struct notes *notes, const char *name, size_t len, uint64_t line)
{
	struct caller *caller = &notes->callers[notes->heard], *oldest = &notes->callers[1];
	size_t i = 0;

	if (len >= sizeof(caller->name))
		len = sizeof(caller->name) - 1;
	/* Mostly it is the one before; the first is everybody's who has no name. */
	if (!len)
		caller = &notes->callers[0];
	for (; !is_called(caller, name, len) && i < NOTES_CALLERS; i++)
		caller = &notes->callers[i];
	if (!is_called(caller, name, len)) {
		for (i = 2; i < NOTES_CALLERS; i++)
			if (is_forgotten_before(&notes->callers[i], oldest, line))
				oldest = &notes->callers[i];
		caller = oldest;
		*caller = (struct caller){ .len = len };
		memcpy(caller->name, name, len);
		if (notes->latest == (size_t)(caller - notes->callers))
			notes->latest = 0;
	}
	caller->used = line;
	notes->now = notes->heard = (size_t)(caller - notes->callers);
	return caller;
}

static void open_finding(struct notes *notes, uint32_t finding, enum rule_part part,
        enum error_severity severity, uint64_t line)
{
	struct caller *caller = &notes->callers[notes->now];

	/* A warning between an error and what comes of it comes of neither. */
	if (severity == SEVERITY_WARNING && caller->finding_severity > SEVERITY_WARNING &&
	        is_near(caller, line, PART_LINES))
		return;
	caller->has_finding = true;
	caller->again = false;
	caller->finding = finding;
	caller->finding_line = line;
	caller->finding_severity = severity;
	caller->awaits_next = part == PART_OF_NEXT;
	notes->latest = notes->now;
}

/* Of a caller that has none itself, the finding that was opened last. */
static size_t whose_part(const struct notes *notes, uint64_t line)
{
	return is_near(&notes->callers[notes->now], line, PART_LINES) ? notes->now : notes->latest;
}

bool notes_current(const struct notes *notes, uint64_t line, uint32_t *ret)
{
	const struct caller *caller = &notes->callers[whose_part(notes, line)];

	if (!is_near(caller, line, PART_LINES))
		return false;
	*ret = caller->finding;
	return true;
}

enum rule_part notes_part(const struct notes *notes, enum rule_part part, bool telling, uint64_t line)
{
	return part == PART_OF_BEFORE && telling && notes->callers[whose_part(notes, line)].again ? PART_OF_NONE : part;
}

uint32_t notes_reserve(
        struct notes *notes, enum rule_part part, enum error_severity severity, uint64_t line)
{
	struct caller *before = &notes->callers[whose_part(notes, line)], *now = &notes->callers[notes->now];
	uint32_t finding;

	if (now->awaits_next && is_near(now, line, NEXT_LINES))
		before = now;
	else if (part != PART_OF_BEFORE || !is_near(before, line, PART_LINES))
		before = NULL;
	if (before) {
		before->finding_line = line;
		before->awaits_next = part == PART_OF_NEXT;
		return before->finding;
	}
	finding = notes->findings;
	open_finding(notes, finding, part, severity, line);
	notes->findings++;
	return finding;
}

void notes_continue(struct notes *notes, uint32_t finding, uint64_t line)
{
	struct caller *caller = &notes->callers[notes->now];

	caller->has_finding = true;
	caller->again = false;
	caller->finding = finding;
	caller->finding_line = line;
	caller->finding_severity = SEVERITY_ERROR;
	caller->awaits_next = false;
	notes->latest = notes->now;
}

int64_t notes_finding(const struct notes *notes, const char *id)
{
	uint16_t slot = *find_slot(notes, id);

	return slot ? (int64_t)notes->found[slot - 1].finding : -1;
}

int64_t notes_wrap(struct notes *notes, const char *id)
{
	uint16_t slot = *find_slot(notes, id);

	if (!slot)
		return -1;
	notes->found[slot - 1].part = true;
	return notes->found[slot - 1].finding;
}

uint64_t notes_count(const struct notes *notes, const char *id)
{
	uint16_t slot = *find_slot(notes, id);

	return slot ? notes->found[slot - 1].count : 0;
}

/* An id seen again says that its finding is what is going on now. */
static void note_again(struct notes *notes, struct found_error *found, const struct note *note)
{
	found->count++;
	add_aliases(found, note->aliases);
	/* What was thought to be another bug was none. */
	for (size_t i = 0; note->finding >= 0 && i < NOTES_CALLERS; i++)
		if (notes->callers[i].finding == (uint32_t)note->finding)
			notes->callers[i].finding = found->finding;
	if (note->part == PART_OF_BEFORE || note->finding >= 0)
		return;
	open_finding(notes, found->finding, note->part, note->severity, note->place->number);
	notes->callers[notes->now].again = true;
}

bool notes_has_room(const struct notes *notes, enum weight weight)
{
	return notes->n < (weight == WEIGHT_ALWAYS ? ERRORID_COUNT_MAX : ORDINARY_COUNT_MAX) &&
	       (weight != WEIGHT_PLAIN || notes->plain < PLAIN_COUNT_MAX);
}

void notes_add(struct notes *notes, const struct note *note)
{
	uint16_t *slot = find_slot(notes, note->id);
	struct str shown = STR_INIT;
	struct found_error *found;

	if (*slot) {
		note_again(notes, &notes->found[*slot - 1], note);
		return;
	}
	if (!notes_has_room(notes, note->weight)) {
		notes->dropped++;
		return;
	}
	notes->plain += note->weight == WEIGHT_PLAIN;
	str_add_printable(&shown, note->place->text, note->place->len, LINE_SHOWN_MAX);
	MEM_GROW(notes->found, notes->n + 1, notes->cap);
	found = &notes->found[notes->n++];
	*found = (struct found_error){
		.id = mem_strdup(note->id),
		.line = str_detach(&shown),
		.line_number = note->place->number,
		.offset = note->place->offset,
		.count = 1,
		.severity = note->severity,
		.function = mem_strdup(note->function),
		.telling = note->telling,
		.finding = note->finding >= 0 ? (uint32_t)note->finding
		                              : notes_reserve(notes, notes_part(notes, note->part, note->telling,
		                                        note->place->number), note->severity, note->place->number),
		.part = note->part != PART_OF_NONE,
	};
	add_aliases(found, note->aliases);
	*slot = (uint16_t)notes->n;
}

void notes_add_aliases(struct notes *notes, const char *id, const struct strv *aliases)
{
	uint16_t *slot = find_slot(notes, id);

	if (*slot)
		add_aliases(&notes->found[*slot - 1], aliases);
}

void notes_open_worst(struct notes *notes)
{
	const struct found_error *worst = NULL;

	for (size_t i = 0; i < notes->n; i++)
		if (!worst || notes->found[i].severity >= worst->severity)
			worst = &notes->found[i];
	if (!worst)
		return;
	notes->now = notes->latest = 0;
	notes->callers[0] = (struct caller){
		.has_finding = true,
		.finding = worst->finding,
		.finding_line = worst->line_number,
		.finding_severity = worst->severity,
	};
}

/*
 * What names the guilty function before what any bug of its kind would be called ("NULL pointer dereference"), root before
 * consequence, worse before harmless, one that names a function before one that does not, first before later.
 */
static bool is_better(const struct found_error *a, const struct found_error *b)
{
	if (a->telling != b->telling)
		return a->telling;
	if (a->part != b->part)
		return !a->part;
	if (a->severity != b->severity)
		return a->severity > b->severity;
	return a->function && !b->function;
}

/* An id that waited for its function came late.  What only the end tells has no line and stays
 * last. */
static void sort_by_line(struct notes *notes)
{
	for (size_t i = 1; i < notes->n; i++) {
		struct found_error moved = notes->found[i];
		size_t at = i;

		while (at > 0 && notes->found[at - 1].line_number - 1 > moved.line_number - 1) {
			notes->found[at] = notes->found[at - 1];
			at--;
		}
		notes->found[at] = moved;
	}
}

void notes_choose(struct notes *notes)
{
	struct found_error **best = mem_array(notes->findings + 1u, sizeof(*best));
	uint32_t *numbers = mem_array(notes->findings + 1u, sizeof(*numbers));
	uint32_t used = 0;

	sort_by_line(notes);
	for (size_t i = 0; i < notes->n; i++) {
		struct found_error *found = &notes->found[i];
		struct found_error **chosen = &best[found->finding];

		found->representative = false;
		if (!*chosen || is_better(found, *chosen))
			*chosen = found;
	}
	for (uint32_t i = 0; i < notes->findings; i++)
		if (best[i]) {
			best[i]->representative = true;
			numbers[i] = used++;
		}
	/* Where it happened often stands in a part only, as RIP after a BUG. */
	for (size_t i = 0; i < notes->n; i++) {
		struct found_error *root = best[notes->found[i].finding];

		if (!root->function && notes->found[i].function)
			root->function = mem_strdup(notes->found[i].function);
	}
	for (size_t i = 0; i < notes->n; i++)
		notes->found[i].finding = numbers[notes->found[i].finding];
	notes->findings = used;
	free(best);
	free(numbers);
}
