#include "web/chart.h"

#include "web/html.h"

#define WIDTH 800.0
#define HEIGHT 120.0
#define COLUMNS_MAX 200		/* nodes in a drawing; neighbours beyond that are joined */
#define FLIGHT_WIDTH_MIN 4.0
#define ROWS_MAX 12		/* so few are told by name */

static const char *text_of(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text ? text : "";
}

static double belief_of(const json_t *row)
{
	double p = json_number_value(json_object_get(row, "p"));

	return p > 0 && p <= 1 ? p : p > 1 ? 1 : 0;
}

static json_int_t commits_in(const json_t *row)
{
	json_int_t n = json_integer_value(json_object_get(row, "n"));

	return n > 1 ? n : 1;
}

static json_int_t in_flight(const json_t *row)
{
	json_int_t n = json_integer_value(json_object_get(row, "in_flight"));

	return n > 0 ? n : 0;
}

static bool is_culprit(const json_t *row, const char *culprit)
{
	return culprit && !strcmp(text_of(row, "commit"), culprit);
}

/* --- Few: a line each. --- */

static void chart_rows(struct str *out, const json_t *belief, const char *culprit)
{
	size_t i;
	json_t *row;

	html_raw(out, "<table class=\"belief\"><tbody>");
	json_array_foreach((json_t *)belief, i, row) {
		double p = belief_of(row);

		html_raw(out, is_culprit(row, culprit) ? "<tr class=\"culprit\"><td><code" : "<tr><td><code");
		html_attr(out, "title", text_of(row, "commit"));
		html_raw(out, ">");
		html_textf(out, "%.12s", text_of(row, "commit"));
		html_raw(out, "</code> <span class=\"subject\">");
		html_text(out, text_of(row, "subject"));
		html_raw(out, "</span></td><td class=\"part\"><svg viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\">");
		str_addf(out, "<rect class=\"bar\" width=\"%.2f\" height=\"10\"/></svg></td><td class=\"number\">",
			p > 0.005 ? 100 * p : 0.5);
		/* Nothing that was not proved is certain. */
		html_textf(out, "%.3g %%", 100 * (p > 0.9999 ? 0.9999 : p));
		html_raw(out, "</td><td class=\"flight\">");
		if (in_flight(row))
			html_textf(out, "%lld in flight", (long long)in_flight(row));
		html_raw(out, "</td></tr>");
	}
	html_raw(out, "</tbody></table>");
}

/* --- Many: a column each, or for neighbours together. --- */

struct column {
	const json_t *first;
	json_int_t commits, flights;
	double p;
	bool culprit;
};

static struct column column_of(const json_t *belief, size_t i, size_t columns, const char *culprit)
{
	size_t n = json_array_size(belief), from = n * i / columns, to = n * (i + 1) / columns;
	struct column column = { .first = json_array_get(belief, from) };

	for (size_t j = from; j < to; j++) {
		const json_t *row = json_array_get(belief, j);

		column.p += belief_of(row);
		column.commits += commits_in(row);
		column.flights += in_flight(row);
		column.culprit = column.culprit || is_culprit(row, culprit);
	}
	return column;
}

static void chart_column(struct str *out, const struct column *column, double x, double width, double most)
{
	double height = most > 0 ? column->p / most * HEIGHT : 0;

	if (height < 1)
		height = 1;
	/* Behind the bar and over the whole height: a bar may be too low to be seen. */
	if (column->flights) {
		double wide = width < FLIGHT_WIDTH_MIN ? FLIGHT_WIDTH_MIN : width;

		str_addf(out, "<rect class=\"flight\" x=\"%.2f\" y=\"0\" width=\"%.2f\" height=\"%.0f\"><title>",
			x + (width - wide) / 2, wide, HEIGHT);
		html_textf(out, "%.12s: %lld in flight", text_of(column->first, "commit"),
			(long long)column->flights);
		html_raw(out, "</title></rect>");
	}
	str_addf(out, "<rect class=\"%s\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\"><title>",
		column->culprit ? "bar culprit" : "bar", x, HEIGHT - height, width, height);
	if (column->commits > 1)
		html_textf(out, "%.12s and %lld after it: %.3g %%", text_of(column->first, "commit"),
			(long long)column->commits - 1, 100 * column->p);
	else
		html_textf(out, "%.12s %s: %.3g %%", text_of(column->first, "commit"),
			text_of(column->first, "subject"), 100 * column->p);
	html_raw(out, "</title></rect>");
}

static void chart_columns(struct str *out, const json_t *belief, const char *culprit)
{
	size_t n = json_array_size(belief), columns = n < COLUMNS_MAX ? n : COLUMNS_MAX;
	double most = 0, step = WIDTH / (double)columns;
	json_int_t commits = 0, flights = 0;

	for (size_t i = 0; i < columns; i++) {
		struct column column = column_of(belief, i, columns, culprit);

		most = column.p > most ? column.p : most;
		commits += column.commits;
		flights += column.flights;
	}
	str_addf(out, "<svg viewBox=\"0 0 %.0f %.0f\" preserveAspectRatio=\"none\" role=\"img\" "
		"aria-label=\"Belief over the remaining commits", WIDTH, HEIGHT);
	if (flights)
		str_addf(out, ", %lld in flight", (long long)flights);
	html_raw(out, "\">");
	for (size_t i = 0; i < columns; i++) {
		struct column column = column_of(belief, i, columns, culprit);

		chart_column(out, &column, step * (double)i, step > 2 ? step - 1 : step, most);
	}
	html_raw(out, "</svg><p class=\"axis\"><span>older</span><span>");
	html_textf(out, "%lld commits, ", (long long)commits);
	html_textf(out, (size_t)commits > columns ? "at most %.3g %% a column" : "at most %.3g %% each", 100 * most);
	html_raw(out, "</span><span>newer</span></p>");
}

void chart_belief(struct str *out, const json_t *belief, const char *culprit)
{
	size_t n = json_array_size(belief);

	if (!n)
		return;
	html_raw(out, "<figure class=\"chart\"><figcaption>How likely each remaining commit is the culprit, oldest first</figcaption>");
	if (n <= ROWS_MAX)
		chart_rows(out, belief, culprit);
	else
		chart_columns(out, belief, culprit);
	html_raw(out, "</figure>");
}
