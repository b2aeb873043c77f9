#include "bisectd/boxes.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "bisectd/bisection.h"

#define GONE_MS 90000       /* not heard of for so long: not connected */
#define SEEN_EVERY_MS 60000 /* how late the warehouse may be about when a box was seen */
#define FORGET_MS (30LL * 24 * 3600 * 1000)
#define BOXES_MAX 10000
#define QUIET_MS                                                                                   \
	5000 /* after our start agents have so long to come back before anybody is told that none  \
		is there */
#define REASON_MAX 500

struct box {
	struct box_row row;
	struct strv lanes; /* none: not heard of since our start */
	unsigned slots;
	char *unit;           /* last claimed or renewed, NULL when it waits */
	char *trouble;        /* why it takes no work, in its own words; or NULL */
	char *probation_unit; /* the one it has on probation */
	bool changed;         /* later than the warehouse */
	int64_t stored_ms;
	struct box *next;
};

/* --- keeping --- */

static void box_free(struct box *box)
{
	box_row_release(&box->row);
	strv_release(&box->lanes);
	free(box->unit);
	free(box->trouble);
	free(box->probation_unit);
	free(box);
}

static struct box *find(const struct daemon *daemon, const char *name)
{
	for (struct box *box = daemon->boxes; box; box = box->next)
		if (!strcmp(box->row.name, name))
			return box;
	return NULL;
}

static struct box *find_or_make(struct daemon *daemon, const char *name)
{
	struct box *box = find(daemon, name), **link;

	if (box)
		return box;
	if (daemon->n_boxes >= BOXES_MAX)
		return NULL;
	box = mem_alloc(sizeof(*box));
	box->row.name = mem_strdup(name);
	for (link = &daemon->boxes; *link && strcmp((*link)->row.name, name) < 0;)
		link = &(*link)->next;
	box->next = *link;
	*link = box;
	daemon->n_boxes++;
	return box;
}

/* What cannot be written now is tried again at the next tick. */
static void store(struct daemon *daemon, struct box *box)
{
	struct error err = ERROR_INIT;

	if (warehouse_box_put(daemon->warehouse, &box->row, &err) < 0) {
		if (!box->changed)
			log_error("cannot store the health of %s: %s", box->row.name, err.text);
		box->changed = true;
		return;
	}
	box->changed = false;
	box->stored_ms = clock_wall_ms();
}

static bool load_row(const struct box_row *row, void *arg)
{
	struct daemon *daemon = arg;
	struct box *box = find_or_make(daemon, row->name);

	if (!box)
		return false;
	free(box->row.name);
	box->row = *row;
	box->row.name = mem_strdup(row->name);
	box->row.kind = mem_strdup(row->kind);
	box->row.reason = mem_strdup(row->reason);
	box->row.failed_unit = mem_strdup(row->failed_unit);
	json_incref(box->row.charges);
	box->stored_ms = clock_wall_ms();
	return true;
}

int boxes_load(struct daemon *daemon, struct error *err)
{
	return warehouse_boxes(daemon->warehouse, load_row, daemon, err);
}

void boxes_free(struct daemon *daemon)
{
	while (daemon->boxes) {
		struct box *box = daemon->boxes;

		daemon->boxes = box->next;
		if (box->changed)
			store(daemon, box);
		box_free(box);
	}
	daemon->n_boxes = 0;
	free(daemon->boxes_told);
	daemon->boxes_told = NULL;
}

static void forget_old(struct daemon *daemon, int64_t now)
{
	for (struct box **link = &daemon->boxes; *link;) {
		struct box *box = *link;

		if (now - box->row.seen_ms < FORGET_MS ||
			warehouse_box_remove(daemon->warehouse, box->row.name, NULL) < 0) {
			link = &box->next;
			continue;
		}
		*link = box->next;
		daemon->n_boxes--;
		box_free(box);
	}
}

/* --- health --- */

static enum health health(const struct daemon *daemon, const struct box *box)
{
	return health_of(&box->row, &daemon->health, clock_wall_ms());
}

static void set_text(char **field, const char *text)
{
	char *copy = mem_strdup(text);

	free(*field);
	*field = copy;
}

static void tell_quarantine(const struct daemon *daemon, const struct box *box)
{
	char length[40];

	log_warning("%s is in quarantine for %s: %u failures in a row, the last one: %s",
		box->row.name,
		clock_format_duration(
			length, sizeof(length), box->row.quarantined_until_ms - clock_wall_ms()),
		box->row.in_a_row, box->row.reason ? box->row.reason : "(none told)");
}

int boxes_asks(struct daemon *daemon, const char *name, const struct strv *lanes, unsigned slots,
	const char *trouble, struct error *err)
{
	struct box *box = find_or_make(daemon, name);
	const char *kind = lanes->n && str_has_prefix(lanes->v[0], "build/") ? "build" : "test";
	struct str shown = STR_INIT;
	bool fresh;

	if (!box)
		return error_set(err, ERR_LIMIT,
			"more than %d agents with different names are known", BOXES_MAX);
	fresh = !box->row.kind || strcmp(box->row.kind, kind) != 0;
	box->row.seen_ms = clock_wall_ms();
	box->slots = slots;
	strv_release(&box->lanes);
	for (size_t i = 0; i < lanes->n; i++)
		strv_push(&box->lanes, lanes->v[i]);
	set_text(&box->row.kind, kind);
	if (trouble)
		str_add_printable(&shown, trouble, strlen(trouble), REASON_MAX);
	if (trouble && !box->trouble)
		log_warning("%s takes no work: %s", name, shown.buf);
	set_text(&box->trouble, trouble ? shown.buf : NULL);
	str_release(&shown);
	if (fresh)
		store(daemon, box);
	return 0;
}

bool boxes_may_claim(struct daemon *daemon, const char *name)
{
	struct box *box = find(daemon, name);
	struct unit_info info = { 0 };
	bool held;

	if (!box || health(daemon, box) == HEALTH_OK)
		return true;
	if (health(daemon, box) == HEALTH_QUARANTINE)
		return false;
	if (!box->probation_unit)
		return true;
	/* It may have lost the unit in a way that nobody told us of: a cancelled one, a Redis that
	 * forgot. */
	if (queue_get(daemon->queue, box->probation_unit, &info, NULL) < 0)
		return false;
	held = info.state == UNIT_LEASED && !strcmp(info.owner, name);
	unit_info_release(&info);
	if (!held)
		set_text(&box->probation_unit, NULL);
	return !held;
}

void boxes_claimed(struct daemon *daemon, const char *name, const char *unit)
{
	struct box *box = find(daemon, name);

	if (!box)
		return;
	set_text(&box->unit, unit);
	if (unit && health(daemon, box) == HEALTH_PROBATION) {
		log_info("%s is on probation with unit %s", name, unit);
		set_text(&box->probation_unit, unit);
	}
}

void boxes_holds(struct daemon *daemon, const char *name, const char *unit)
{
	struct box *box = find(daemon, name);

	if (!box)
		return;
	box->row.seen_ms = clock_wall_ms();
	set_text(&box->unit, unit);
}

static void leave_unit(struct box *box, const char *unit)
{
	if (box->unit && !strcmp(box->unit, unit))
		set_text(&box->unit, NULL);
	if (box->probation_unit && !strcmp(box->probation_unit, unit))
		set_text(&box->probation_unit, NULL);
}

/* Somebody finished what other boxes together had failed on: so it was them. */
static void blame_again(struct daemon *daemon, const char *unit, const struct unit_info *info)
{
	for (size_t i = 0; i < info->n_failures && info->n_failures > 1; i++) {
		const struct unit_failure *failure = &info->failures[i];
		struct box *box = find(daemon, failure->owner);
		bool quarantined;

		if (!box || failure->blame != BLAME_BOX || !strcmp(failure->owner, info->owner) ||
			!health_blame_again(&box->row, &daemon->health, unit, failure->at_ms,
				clock_wall_ms(), &quarantined))
			continue;
		if (quarantined)
			tell_quarantine(daemon, box);
		store(daemon, box);
	}
}

void boxes_finished(struct daemon *daemon, const char *unit, const struct unit_info *info)
{
	struct box *box = find(daemon, info->owner);

	blame_again(daemon, unit, info);
	if (!box)
		return;
	bool was_ill = box->row.in_a_row || box->row.quarantines;

	health_finished(&box->row, &daemon->health, clock_wall_ms());
	leave_unit(box, unit);
	box->changed = true;
	if (was_ill) {
		store(daemon, box);
		if (!box->row.quarantines)
			log_info("%s works again", box->row.name);
	}
}

void boxes_failed(struct daemon *daemon, const struct unit_loss *loss, enum unit_blame blame,
	const char *reason)
{
	struct box *box = find_or_make(daemon, loss->owner);
	struct str shown = STR_INIT;

	if (!box)
		return;
	leave_unit(box, loss->id);
	if (blame == BLAME_STOP)
		return;
	str_add_printable(&shown, reason, strlen(reason), REASON_MAX);
	if (!box->row.seen_ms)
		box->row.seen_ms = clock_wall_ms();
	if (health_failed(&box->row, &daemon->health, loss, blame, shown.buf, clock_wall_ms()))
		tell_quarantine(daemon, box);
	store(daemon, box);
	for (struct box *other = daemon->boxes; other && (loss->boxes > 1 || blame == BLAME_UNIT);
		other = other->next)
		if (health_take_back(&other->row, loss->id))
			store(daemon, other);
	str_release(&shown);
}

int boxes_release(struct daemon *daemon, const char *name, struct error *err)
{
	struct box *box = find(daemon, name);

	if (!box)
		return error_set(err, ERR_NOT_FOUND, "no box '%.200s'", name);
	health_clear(&box->row);
	set_text(&box->probation_unit, NULL);
	store(daemon, box);
	log_info("%s is released from quarantine on request", name);
	daemon_wake(daemon);
	return 0;
}

/* --- what is told --- */

static bool is_connected(const struct box *box)
{
	return box->lanes.n && clock_wall_ms() - box->row.seen_ms < GONE_MS;
}

static bool may_work(const struct daemon *daemon, const struct box *box)
{
	return is_connected(box) && !box->trouble && health(daemon, box) != HEALTH_QUARANTINE;
}

unsigned boxes_able(const struct daemon *daemon, const char *lane)
{
	unsigned n = 0;

	for (const struct box *box = daemon->boxes; box; box = box->next)
		n += may_work(daemon, box) && strv_has(&box->lanes, lane);
	return n;
}

bool boxes_able_besides(const struct daemon *daemon, const char *lane, const struct strv *names)
{
	for (const struct box *box = daemon->boxes; box; box = box->next)
		if (may_work(daemon, box) && strv_has(&box->lanes, lane) && !strv_has(names, box->row.name))
			return true;
	return false;
}

unsigned agents_slots(const struct daemon *daemon, const char *lane)
{
	unsigned n = 0;

	for (const struct box *box = daemon->boxes; box; box = box->next)
		if (may_work(daemon, box) && strv_has(&box->lanes, lane))
			n += health(daemon, box) == HEALTH_PROBATION ? 1 : box->slots;
	return n;
}

static json_t *lanes_json(const struct box *box)
{
	json_t *lanes = json_array();

	for (size_t i = 0; i < box->lanes.n; i++)
		json_array_append_new(lanes, json_string(box->lanes.v[i]));
	return lanes;
}

/* Those heard of since our start. */
json_t *agents_json(const struct daemon *daemon)
{
	json_t *array = json_array();

	for (const struct box *box = daemon->boxes; box; box = box->next)
		if (box->lanes.n)
			json_array_append_new(
				array, json_pack("{s:s, s:s?, s:o, s:i, s:I, s:s?}", "name",
					       box->row.name, "kind", box->row.kind, "lanes",
					       lanes_json(box), "slots", (int)box->slots, "seen_ms",
					       (json_int_t)box->row.seen_ms, "unit", box->unit));
	return array;
}

static const char *state_name(const struct daemon *daemon, const struct box *box)
{
	enum health state = health(daemon, box);

	return state == HEALTH_QUARANTINE  ? "quarantined"
	       : !is_connected(box)        ? "gone"
	       : box->trouble              ? "troubled"
	       : state == HEALTH_PROBATION ? "probation"
					   : "ok";
}

json_t *boxes_json(const struct daemon *daemon)
{
	json_t *array = json_array();

	for (const struct box *box = daemon->boxes; box; box = box->next) {
		const struct box_row *row = &box->row;
		bool quarantined = health(daemon, box) == HEALTH_QUARANTINE;

		json_array_append_new(array,
			json_pack("{s:s, s:s?, s:s, s:b, s:o, s:i, s:I, s:s?, s:s?, s:I, s:I, s:i, "
				  "s:s?, s:s?, s:I, s:i, s:I}",
				"name", row->name, "kind", row->kind, "state",
				state_name(daemon, box), "connected", (int)is_connected(box),
				"lanes", lanes_json(box), "slots", (int)box->slots, "seen_ms",
				(json_int_t)row->seen_ms, "unit", box->unit, "trouble",
				box->trouble, "finished", (json_int_t)row->finished, "failures",
				(json_int_t)row->failures, "in_a_row", (int)row->in_a_row, "reason",
				row->reason, "failed_unit", row->failed_unit, "failed_ms",
				(json_int_t)row->failed_ms, "quarantines", (int)row->quarantines,
				"quarantined_until_ms",
				quarantined ? (json_int_t)row->quarantined_until_ms
					    : (json_int_t)0));
	}
	return array;
}

json_t *boxes_quarantined_json(const struct daemon *daemon)
{
	json_t *array = json_array();

	for (const struct box *box = daemon->boxes; box; box = box->next)
		if (health(daemon, box) == HEALTH_QUARANTINE)
			json_array_append_new(array,
				json_pack("{s:s, s:s?, s:s?, s:I}", "name", box->row.name, "kind",
					box->row.kind, "reason", box->row.reason, "until_ms",
					(json_int_t)box->row.quarantined_until_ms));
	return array;
}

static void add_lane(struct str *to, const char *lane, bool plural)
{
	const char *slash = strrchr(lane, '/');

	if (str_has_prefix(lane, "build/"))
		str_addf(to, "builder%s", plural ? "s" : "");
	else
		str_addf(to, "tester%s of %.*s boxes", plural ? "s" : "",
			(int)(slash - strchr(lane, '/') - 1), strchr(lane, '/') + 1);
	str_addf(to, " for %s", slash + 1);
}

bool boxes_trouble(const struct daemon *daemon, const char *lane, struct str *ret)
{
	unsigned connected = 0;
	struct str why = STR_INIT;
	char when[40];

	for (const struct box *box = daemon->boxes; box; box = box->next) {
		if (!is_connected(box) || !strv_has(&box->lanes, lane))
			continue;
		if (may_work(daemon, box)) {
			str_release(&why);
			return false;
		}
		str_addf(&why, "%s%s ", connected++ ? "; " : "", box->row.name);
		if (health(daemon, box) == HEALTH_QUARANTINE)
			str_addf(&why, "is in quarantine until %s (%s)",
				clock_format(when, sizeof(when), box->row.quarantined_until_ms),
				box->row.reason ? box->row.reason : "no reason told");
		else
			str_addf(&why, "takes no work: %s", box->trouble);
	}
	if (!connected && clock_wall_ms() - daemon->started_ms < QUIET_MS) {
		str_release(&why);
		return false;
	}
	if (ret->len)
		str_add_char(ret, ' ');
	str_add(ret, connected ? "No work is done by " : "No ");
	add_lane(ret, lane, connected > 0);
	if (connected)
		str_addf(ret, ": %s.", why.buf);
	else
		str_add(ret, " is connected.");
	str_release(&why);
	return true;
}

bool boxes_job_waits(
	const struct daemon *daemon, const struct job *job, bool build_only, struct str *ret)
{
	const char *arch = job->os_arch ? job->os_arch : daemon->arch;
	struct str lane = STR_INIT;
	bool waits;
	char kind[8];

	waits = boxes_trouble(daemon, str_setf(&lane, "build/%s", arch), ret);
	if (!build_only && testbox_parse(job->testbox, kind, NULL, NULL, NULL) == 0)
		waits |= boxes_trouble(daemon, str_setf(&lane, "test/%s/%s", kind, arch), ret);
	str_release(&lane);
	return waits;
}

/* Who looks at a bisection is told when boxes come, go or fall ill. */
static void tell_bisections(struct daemon *daemon)
{
	struct str now = STR_INIT;

	for (const struct box *box = daemon->boxes; box; box = box->next)
		if (box->lanes.n)
			str_addf(&now, "%s %s\n", box->row.name, state_name(daemon, box));
	str_addf(&now, "%d", clock_wall_ms() - daemon->started_ms < QUIET_MS);
	if (daemon->boxes_told && strcmp(daemon->boxes_told, now.buf))
		for (const struct bisection *b = daemon->bisections; b; b = b->next)
			events_bisection_changed(daemon, b->row.id);
	free(daemon->boxes_told);
	daemon->boxes_told = str_detach(&now);
}

void boxes_tick(struct daemon *daemon)
{
	int64_t now = clock_wall_ms();

	for (struct box *box = daemon->boxes; box; box = box->next)
		if (box->changed || (box->row.seen_ms > box->stored_ms + SEEN_EVERY_MS))
			store(daemon, box);
	if (now - daemon->boxes_forgot_ms > 3600 * 1000) {
		daemon->boxes_forgot_ms = now;
		forget_old(daemon, now);
	}
	tell_bisections(daemon);
}

void boxes_get(struct http_request *request, void *daemon)
{
	api_respond_json(request, 200, boxes_json(daemon));
}

void boxes_post_release(struct http_request *request, void *daemon)
{
	struct error err = ERROR_INIT;

	if (boxes_release(daemon, http_param(request, "name"), &err) < 0)
		http_respond_error(request, &err);
	else
		api_respond_json(request, 200, json_pack("{s:b}", "released", 1));
}
