#include "search/metric.h"

#include <float.h>
#include <math.h>
#include <stdint.h>

#include "base/mem.h"

#define CONFIDENCE 0.99
#define OUTLIERS 0.02		/* share of runs that say nothing of their side */
#define OUTLIER_WIDTH 10.0	/* their scale, in that of the others */
#define NATS 20.0		/* to tell two neighbours apart, with room for an unknown spread */
#define LEAST_SPREAD 0.02	/* of the change, where numbers never differ */

struct moments {
	double mean, squares;	/* sum of squared distances from the mean */
};

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorted first, so that the order of the samples does not matter to the last bit. */
static struct moments moments_of(const double *sample, size_t n)
{
	struct moments m = { 0 };
	double *sorted = mem_array(n, sizeof(*sorted));

	memcpy(sorted, sample, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), compare);
	/* Welford 1962: no loss of digits where the mean is large beside the spread */
	for (size_t i = 0; i < n; i++) {
		double distance = sorted[i] - m.mean;

		m.mean += distance / (double)(i + 1);
		m.squares += distance * (sorted[i] - m.mean);
	}
	free(sorted);
	return m;
}

/* P(T <= t) for whole degrees of freedom: Abramowitz and Stegun 26.7.3 and 26.7.4. */
static double t_below(double t, unsigned degrees)
{
	double angle = atan(t / sqrt(degrees)), c2 = cos(angle) * cos(angle), term, sum;

	if (degrees % 2) {
		term = sin(angle) * cos(angle);
		sum = angle + (degrees > 1 ? term : 0);
		for (unsigned k = 3; k + 1 < degrees; k += 2) {
			term *= c2 * (k - 1) / k;
			sum += term;
		}
		return 0.5 + sum / M_PI;
	}
	term = sum = sin(angle);
	for (unsigned k = 2; k < degrees; k += 2) {
		term *= c2 * (k - 1) / k;
		sum += term;
	}
	return 0.5 + sum / 2;
}

static int check_samples(const char *side, const double *sample, size_t n, struct error *err)
{
	if (n < METRIC_LEAST || n > UINT32_MAX / 4)
		return error_set(err, ERR_INVALID, "%zu samples of the %s end, needed are at least %u",
			n, side, METRIC_LEAST);
	for (size_t i = 0; i < n; i++)
		if (!isfinite(sample[i]))
			return error_set(err, ERR_INVALID,
				"sample %zu of the %s end is no finite number", i + 1, side);
	return 0;
}

/* Of a change that lies around metric->change at this scale. */
static double probability(const struct metric *metric, double scale,
	const struct metric_options *options)
{
	double least = options->least_effect, up, down;

	if (!(scale > 0))
		return 0;
	up = t_below((metric->change - least) / scale, metric->degrees);
	down = t_below((-metric->change - least) / scale, metric->degrees);
	if (options->direction == METRIC_UP)
		return up;
	if (options->direction == METRIC_DOWN)
		return down;
	/* as a test with two sides: chance has two ways to look like a change */
	return fmax(0, 2 * fmax(up, down) - 1);
}

/*
 * The middle between the sides is known to a variance of spread^2 / 4 * (1/n_good + 1/n_bad)
 * only, and every value is held against the same middle: m of them are worth
 * m / (1 + m / 4 * (1/n_good + 1/n_bad)).  One tells distance^2 / 2 nats on average, so that a
 * search needs 2 NATS / distance^2 of them where it is decided.
 */
static double weight(const struct metric *metric, double of_means)
{
	double distance = metric->spread > 0 ? metric->change / metric->spread : 0;
	double needed = fmax(1, distance ? 2 * NATS / (distance * distance) : 0);

	return 1 / (1 + needed * of_means / 4);
}

int metric_make(struct metric *ret, const double *good, size_t n_good, const double *bad, size_t n_bad,
	const struct metric_options *options, struct error *err)
{
	static const struct metric_options usual = { .direction = METRIC_EITHER };
	struct moments g, b;
	struct metric metric;
	double confidence;
	int r;

	if (!options)
		options = &usual;
	r = check_samples("good", good, n_good, err);
	if (!r)
		r = check_samples("bad", bad, n_bad, err);
	if (r < 0)
		return r;
	if ((unsigned)options->direction >= METRIC_NDIRECTIONS || !(options->least_effect >= 0) ||
		!isfinite(options->least_effect) ||
		!(options->confidence >= 0 && options->confidence < 1))
		return error_set(err, ERR_INVALID, "a direction, a least effect (0 or more) or a "
			"confidence (0 to 1) of the metric is out of range");
	confidence = options->confidence > 0 ? options->confidence : CONFIDENCE;
	g = moments_of(good, n_good);
	b = moments_of(bad, n_bad);
	metric = (struct metric){ .good_mean = g.mean, .bad_mean = b.mean,
		.change = b.mean - g.mean, .degrees = (unsigned)(n_good + n_bad - 2) };
	metric.spread = fmax(sqrt((g.squares + b.squares) / metric.degrees),
		LEAST_SPREAD * fabs(metric.change));
	if (!isfinite(metric.spread) || !isfinite(metric.change))
		return error_set(err, ERR_INVALID, "the samples of the metric are too large");
	metric.scale = metric.spread * sqrt(1 + 1 / (double)(n_good < n_bad ? n_good : n_bad));
	metric.probability = probability(&metric,
		metric.spread * sqrt(1 / (double)n_good + 1 / (double)n_bad), options);
	metric.differs = metric.probability >= confidence;
	metric.weight = weight(&metric, 1 / (double)n_good + 1 / (double)n_bad);
	*ret = metric;
	return 0;
}

/* Student's density but for the factor that both sides share. */
static double density(double distance, double degrees)
{
	return fmax(pow(1 + distance * distance / degrees, -(degrees + 1) / 2), DBL_MIN);
}

double metric_log_ratio(const struct metric *metric, double value)
{
	double outlier;

	if (!isfinite(value))
		return NAN;
	if (!metric->differs)
		return 0;
	/* outliers: a Cauchy density about the middle, its height in that of the others' */
	outlier = (value - metric->good_mean - metric->change / 2) / metric->scale;
	outlier = OUTLIERS / OUTLIER_WIDTH *
		density((outlier / OUTLIER_WIDTH), 1);
	return metric->weight * (log((1 - OUTLIERS) * density((value - metric->bad_mean) / metric->scale,
		metric->degrees) + outlier) -
		log((1 - OUTLIERS) * density((value - metric->good_mean) / metric->scale,
		metric->degrees) + outlier));
}
