#include "search/model.h"

#include <math.h>

#include "base/mem.h"

/* Indices into the tables: numerator and denominators of each prior's beta functions. */
enum { BAD, GOOD, NONE, NEARLY };

void model_init(struct model *model)
{
	*model = (struct model){
		.bad = { .spike = 0.33, .a = 2.4, .b = 2.4 },
		.nearly = 0.1,
		.nearly_bad = { .spike = 0, .a = 20, .b = 1 },
		.good = { .spike = 0.66, .a = 1, .b = 100 },
		.null = { .spike = 0, .a = 0.5, .b = 0.7 },
	};
}

void model_expect(struct model *model, double reproducible)
{
	model->bad.spike = reproducible;
}

void model_know(struct model *model, double bad_pass, double good_fail)
{
	model->known = true;
	model->bad_pass = bad_pass;
	model->good_fail = good_fail;
}

void model_release(struct model *model)
{
	for (size_t i = 0; i < sizeof(model->tables) / sizeof(*model->tables); i++)
		free(model->tables[i].value);
	memset(model->tables, 0, sizeof(model->tables));
}

static double log_gamma(struct gamma_table *table, double start, unsigned i)
{
	int sign;

	if (!table->n)
		table->start = start;
	while (table->n <= i) {
		MEM_GROW(table->value, table->n + 1, table->cap);
		table->value[table->n] = lgamma_r(table->start + (double)table->n, &sign);
		table->n++;
	}
	return table->value[i];
}

/* log B(a + x, b + y) - log B(a, b) */
static double log_beta_ratio(struct model *model, unsigned which, const struct rate_prior *prior,
	unsigned x, unsigned y)
{
	struct gamma_table *t = &model->tables[which * 3];
	double before = log_gamma(&t[0], prior->a, 0) + log_gamma(&t[1], prior->b, 0) -
		log_gamma(&t[2], prior->a + prior->b, 0);

	return log_gamma(&t[0], prior->a, x) + log_gamma(&t[1], prior->b, y) -
		log_gamma(&t[2], prior->a + prior->b, x + y) - before;
}

static double log_sum(double x, double y)
{
	double high = x > y ? x : y, low = x > y ? y : x;

	return low == -INFINITY ? high : high + log1p(exp(low - high));
}

static double log_count(unsigned n, double p)
{
	return n ? n * log(p) : 0;
}

double model_bad(struct model *model, unsigned fails, unsigned passes)
{
	double slab;

	if (model->known)
		return log_count(fails, 1 - model->bad_pass) + log_count(passes, model->bad_pass);
	slab = log1p(-model->bad.spike) +
		log_sum(log1p(-model->nearly) + log_beta_ratio(model, BAD, &model->bad, fails, passes),
			log(model->nearly) + log_beta_ratio(model, NEARLY, &model->nearly_bad, fails, passes));
	return passes ? slab : log_sum(log(model->bad.spike), slab);
}

double model_good(struct model *model, unsigned fails, unsigned passes)
{
	double slab;

	if (model->known)
		return log_count(fails, model->good_fail) + log_count(passes, 1 - model->good_fail);
	slab = log1p(-model->good.spike) + log_beta_ratio(model, GOOD, &model->good, fails, passes);
	return fails ? slab : log_sum(log(model->good.spike), slab);
}

double model_null(struct model *model, unsigned fails, unsigned passes)
{
	return log_beta_ratio(model, NONE, &model->null, fails, passes);
}

double model_bad_next(struct model *model, unsigned fails, unsigned passes)
{
	if (model->known)
		return 1 - model->bad_pass;
	return exp(model_bad(model, fails + 1, passes) - model_bad(model, fails, passes));
}

double model_good_next(struct model *model, unsigned fails, unsigned passes)
{
	if (model->known)
		return model->good_fail;
	return exp(model_good(model, fails + 1, passes) - model_good(model, fails, passes));
}

double model_null_next(struct model *model, unsigned fails, unsigned passes)
{
	return (model->null.a + fails) / (model->null.a + model->null.b + fails + passes);
}
