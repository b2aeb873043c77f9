#include "bisectd/health.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define CHARGES_MAX 32

enum health health_of(const struct box_row *box, const struct health_rules *rules, int64_t now_ms)
{
	int64_t left = box->quarantined_until_ms - now_ms;

	if (!box->quarantines)
		return HEALTH_OK;
	return left > 0 && left <= rules->max_ms ? HEALTH_QUARANTINE : HEALTH_PROBATION;
}

static size_t find_charge(const struct box_row *box, const char *unit)
{
	size_t i, n = json_array_size(box->charges);

	for (i = 0; i < n; i++)
		if (!strcmp(json_string_value(json_array_get(box->charges, i)), unit))
			break;
	return i;
}

static bool is_charged(const struct box_row *box, const char *unit)
{
	return find_charge(box, unit) < json_array_size(box->charges);
}

static bool charge(
	struct box_row *box, const struct health_rules *rules, const char *unit, int64_t now_ms)
{
	enum health health = health_of(box, rules, now_ms);
	int64_t length = rules->first_ms;

	if (!is_charged(box, unit)) {
		if (!box->charges)
			box->charges = json_array();
		if (json_array_size(box->charges) >= CHARGES_MAX)
			json_array_remove(box->charges, 0);
		json_array_append_new(box->charges, json_string(unit));
	}
	box->in_a_row++;
	box->charged_ms = now_ms;
	/* What it held when the quarantine began may still fail: that is the same trouble. */
	if (health == HEALTH_QUARANTINE || (health == HEALTH_OK && box->in_a_row < rules->after))
		return false;
	for (unsigned i = 0; i < box->quarantines && length < rules->max_ms; i++)
		length *= 2;
	box->quarantines++;
	box->quarantined_until_ms = now_ms + (length < rules->max_ms ? length : rules->max_ms);
	return true;
}

bool health_failed(struct box_row *box, const struct health_rules *rules,
	const struct unit_loss *loss, enum unit_blame blame, const char *reason, int64_t now_ms)
{
	bool probation = health_of(box, rules, now_ms) == HEALTH_PROBATION;

	box->failures++;
	free(box->reason);
	free(box->failed_unit);
	box->reason = mem_strdup(reason);
	box->failed_unit = mem_strdup(loss->id);
	box->failed_ms = loss->at_ms;
	if (blame != BLAME_BOX || loss->boxes > 1)
		return false;
	/* It lives: a lost lease is learned of later than what the box did since. */
	if (loss->at_ms < box->finished_ms)
		return false;
	/* Twice the same unit says nothing new, but who is on probation has to finish something. */
	if ((loss->times > 1 || is_charged(box, loss->id)) && !probation)
		return false;
	if (loss->claimed_ms <= box->charged_ms && !probation)
		return false;
	return charge(box, rules, loss->id, now_ms);
}

bool health_take_back(struct box_row *box, const char *unit)
{
	if (!is_charged(box, unit))
		return false;
	json_array_remove(box->charges, find_charge(box, unit));
	if (box->in_a_row)
		box->in_a_row--;
	return true;
}

bool health_blame_again(struct box_row *box, const struct health_rules *rules, const char *unit,
	int64_t at_ms, int64_t now_ms, bool *ret_quarantined)
{
	*ret_quarantined = false;
	if (at_ms < box->finished_ms || is_charged(box, unit))
		return false;
	*ret_quarantined = charge(box, rules, unit, now_ms);
	return true;
}

void health_clear(struct box_row *box)
{
	box->in_a_row = 0;
	box->quarantines = 0;
	box->quarantined_until_ms = 0;
	json_decref(box->charges);
	box->charges = NULL;
}

void health_finished(struct box_row *box, const struct health_rules *rules, int64_t now_ms)
{
	box->finished++;
	box->finished_ms = now_ms;
	/* In quarantine it is one from before, and says nothing of now. */
	if (health_of(box, rules, now_ms) != HEALTH_QUARANTINE)
		health_clear(box);
}
