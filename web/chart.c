#include "web/chart.h"

#include "web/html.h"

#define WIDTH 800.0
#define HEIGHT 160.0
#define BASE 140.0		/* y of the axis */

static const char *text_of(const json_t *row, const char *key)
{
	return json_string_value(json_object_get(row, key));
}

void chart_belief(struct str *out, const json_t *belief, const char *culprit)
{
	size_t n = json_array_size(belief), i;
	double most = 0, step = n ? WIDTH / (double)n : WIDTH;
	json_t *row;

	if (!n)
		return;
	json_array_foreach((json_t *)belief, i, row) {
		double p = json_number_value(json_object_get(row, "p"));

		most = p > most ? p : most;
	}
	html_raw(out, "<figure class=\"chart\"><svg viewBox=\"0 0 800 160\" role=\"img\" aria-label=\"Belief over the remaining commits\">");
	str_addf(out, "<line class=\"axis\" x1=\"0\" y1=\"%.0f\" x2=\"%.0f\" y2=\"%.0f\"/>", BASE, WIDTH, BASE);
	json_array_foreach((json_t *)belief, i, row) {
		const char *commit = text_of(row, "commit");
		json_int_t count = json_integer_value(json_object_get(row, "n"));
		double p = json_number_value(json_object_get(row, "p"));
		double height = most > 0 ? p / most * (BASE - 15) : 0;
		double width = step > 2 ? step - 1 : step;

		if (width > 60)
			width = 60;
		if (height < 1)
			height = 1;
		str_addf(out, "<rect class=\"%s\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\"><title>",
			culprit && commit && !strcmp(commit, culprit) ? "bar culprit" : "bar",
			step * (double)i + (step - width) / 2, BASE - height, width, height);
		if (count > 1)
			html_textf(out, "%.12s and %lld after it: %.4g %%", commit, (long long)count - 1,
				100 * p);
		else
			html_textf(out, "%.12s %s: %.4g %%", commit, text_of(row, "subject") ? text_of(row, "subject") : "",
				100 * p);
		html_raw(out, "</title></rect>");
	}
	str_addf(out, "<text x=\"2\" y=\"%.0f\">older</text><text x=\"%.0f\" y=\"%.0f\" text-anchor=\"end\">newer</text>",
		HEIGHT - 4, WIDTH - 2, HEIGHT - 4);
	str_addf(out, "<text x=\"2\" y=\"11\">%.3g %%</text></svg>", 100 * most);
	html_raw(out, "<figcaption>How likely each remaining commit is the culprit, oldest first");
	if (n == 200)
		html_raw(out, " (neighbours joined)");
	html_raw(out, ".</figcaption></figure>");
}
