#include "cli/run_metric.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* --- What the ends measure --- */

void measure_release(struct measure *measure)
{
	free(measure->good);
	free(measure->bad);
	*measure = (struct measure){ .plan = NULL };
}

void measure_say(struct str *ret, const struct measure *measure)
{
	str_addf(ret, "the good end measures %.6g and the bad end %.6g on average of %zu and %zu runs",
		measure->metric.good_mean, measure->metric.bad_mean, measure->n_good, measure->n_bad);
}

int measure_add(struct measure *measure, const struct run_record *record, bool is_bad_end, struct error *err)
{
	const struct metric_options options = { .direction = measure->plan->direction };
	size_t wanted = (size_t)measure->plan->samples;
	unsigned *silent = is_bad_end ? &measure->silent_bad : &measure->silent_good;

	if (!isfinite(record->value)) {
		if (record->observation != OBSERVED_BROKEN && ++*silent < MEASURE_SILENT_MAX)
			return 0;
		return error_set(err, ERR_FAILED, "the %s end %.12s gives no number", is_bad_end ? "bad" : "good", record->commit);
	}
	if (is_bad_end) {
		MEM_GROW(measure->bad, measure->n_bad + 1, measure->cap_bad);
		measure->bad[measure->n_bad++] = record->value;
	} else {
		MEM_GROW(measure->good, measure->n_good + 1, measure->cap_good);
		measure->good[measure->n_good++] = record->value;
	}
	if (measure->n_good < wanted || measure->n_bad < wanted)
		return 0;
	measure->known = true;
	return metric_make(&measure->metric, measure->good, measure->n_good, measure->bad, measure->n_bad, &options, err);
}

void measure_judge(const struct measure *measure, struct run_record *record)
{
	if (isfinite(record->value))
		record->observation = metric_log_ratio(&measure->metric, record->value) > 0 ? OBSERVED_BAD : OBSERVED_GOOD;
}

void measure_tell(const struct measure *measure, struct search *search, uint32_t commit, const struct run_record *record,
	bool in_flight)
{
	if (isfinite(record->value))
		search_observe_ratio(search, commit, metric_log_ratio(&measure->metric, record->value), in_flight);
	else
		search_observe(search, commit, record->observation, in_flight);
}

bool measure_has_no_change(const struct measure *measure)
{
	return measure->known && !measure->metric.differs;
}

void measure_no_change(const struct measure *measure, struct search_verdict *ret)
{
	const struct metric *metric = &measure->metric;
	enum metric_direction direction = measure->plan->direction;
	bool other_way = (direction == METRIC_UP && metric->change < 0) || (direction == METRIC_DOWN && metric->change > 0);

	*ret = (struct search_verdict){ .kind = VERDICT_NO_CHANGE, .confidence = 1 - metric->probability };
	snprintf(ret->reason, sizeof(ret->reason),
		"The good end measures %.6g and the bad end %.6g (deviation %.3g): %s.", metric->good_mean, metric->bad_mean,
		metric->spread, other_way ? "that is no change in the direction asked for" :
		"that may be chance, and no commit can be blamed for it");
}

/* --- The verdict --- */

static void add(struct measured *sum, double value)
{
	sum->runs++;
	sum->mean += (value - sum->mean) / (double)sum->runs;
}

struct measured measure_of(const struct history *history, uint32_t commit, const struct run_record *records, size_t n)
{
	struct measured sum = { .runs = 0 };

	for (size_t i = 0; i < n; i++)
		if (isfinite(records[i].value) && !strcmp(records[i].commit, history->hex[commit]))
			add(&sum, records[i].value);
	return sum;
}

void measure_sides(struct measured *ret_with, struct measured *ret_without, const struct history *history, uint32_t culprit,
	const struct run_record *records, size_t n)
{
	const struct graph *graph = &history->graph;
	bool *has = mem_array(graph->n, sizeof(*has));

	*ret_with = *ret_without = (struct measured){ .runs = 0 };
	for (uint32_t v = 0; v < graph->n; v++) {
		has[v] = v == culprit;
		for (uint32_t e = graph->first[v]; e < graph->first[v + 1]; e++)
			has[v] |= has[graph->parent[e]];
	}
	for (size_t i = 0; i < n; i++) {
		uint32_t v = history_find(history, records[i].commit);

		if (v != UINT32_MAX && isfinite(records[i].value))
			add(has[v] ? ret_with : ret_without, records[i].value);
	}
	free(has);
}

static double percent(const struct metric *metric)
{
	return metric->good_mean ? 100 * metric->change / fabs(metric->good_mean) : NAN;
}

void measure_reason(const struct measure *measure, const struct history *history, const struct run_record *records, size_t n,
	struct search_verdict *verdict)
{
	double shift = percent(&measure->metric);
	struct measured with, without;
	char relative[32] = "";

	measure_sides(&with, &without, history, verdict->culprit, records, n);
	if (isfinite(shift))
		snprintf(relative, sizeof(relative), " (%+.3g %%)", shift);
	snprintf(verdict->reason, sizeof(verdict->reason),
		"With it %.6g on average of %zu runs, without it %.6g of %zu; the ends differ by %+.6g%s.", with.mean, with.runs,
		without.mean, without.runs, measure->metric.change, relative);
}

static json_t *number(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static json_t *measured_to_json(const struct measured *measured)
{
	return json_pack("{s:o, s:I}", "mean", measured->runs ? number(measured->mean) : json_null(), "runs",
		(json_int_t)measured->runs);
}

json_t *measure_to_json(const struct measure *measure, const struct history *history, const struct search_verdict *verdict,
	const struct run_record *records, size_t n)
{
	static const char *const directions[METRIC_NDIRECTIONS] = { "either", "up", "down" };
	struct measured good = { measure->metric.good_mean, measure->n_good }, bad = { measure->metric.bad_mean, measure->n_bad };
	struct measured with, without;
	json_t *json = json_object();

	json_object_set_new(json, "direction", json_string(directions[measure->plan->direction]));
	if (!measure->known)
		return json;
	json_object_set_new(json, "good_end", measured_to_json(&good));
	json_object_set_new(json, "bad_end", measured_to_json(&bad));
	json_object_set_new(json, "shift", number(measure->metric.change));
	json_object_set_new(json, "shift_percent", number(percent(&measure->metric)));
	json_object_set_new(json, "deviation", number(measure->metric.spread));
	json_object_set_new(json, "probability", number(measure->metric.probability));
	if (verdict->kind == VERDICT_CULPRIT) {
		measure_sides(&with, &without, history, verdict->culprit, records, n);
		json_object_set_new(json, "with", measured_to_json(&with));
		json_object_set_new(json, "without", measured_to_json(&without));
	}
	return json;
}
