/* The boxes: every agent that was heard of, and how it is. */
#include "web/pages.h"

#include "web/html.h"

static const char *text_of(const json_t *row, const char *key)
{
	return json_string_value(json_object_get(row, key));
}

static json_int_t number_of(const json_t *row, const char *key)
{
	return json_integer_value(json_object_get(row, key));
}

/* What a person wants to know first. */
static void how_it_is(struct str *out, const json_t *box)
{
	if (number_of(box, "quarantined_until_ms")) {
		html_raw(out, " gets no work until ");
		html_time(out, number_of(box, "quarantined_until_ms"));
	} else if (text_of(box, "trouble")) {
		html_raw(out, " ");
		html_text(out, text_of(box, "trouble"));
	} else if (number_of(box, "quarantines")) {
		html_raw(out, " gets one unit at a time until it finishes one");
	}
}

static void box_row(struct str *out, const json_t *box)
{
	html_raw(out, "<tr><td data-label=\"name\">");
	html_text(out, text_of(box, "name"));
	html_raw(out, "</td><td data-label=\"kind\">");
	html_text(out, text_of(box, "kind"));
	html_raw(out, "</td><td data-label=\"state\"><span");
	html_attrf(out, "class", "badge %s", text_of(box, "state") ? text_of(box, "state") : "");
	html_raw(out, ">");
	html_text(out, text_of(box, "state"));
	html_raw(out, "</span>");
	how_it_is(out, box);
	html_raw(out, "</td><td data-label=\"seen\">");
	html_time(out, number_of(box, "seen_ms"));
	html_raw(out, "</td><td data-label=\"works on\">");
	if (text_of(box, "unit")) {
		html_raw(out, "<a");
		html_attrf(out, "href", "/units/%s/log", text_of(box, "unit"));
		html_raw(out, ">");
		html_textf(out, "%.14s", text_of(box, "unit"));
		html_raw(out, "</a>");
	}
	html_raw(out, "</td><td data-label=\"finished\">");
	html_textf(out, "%lld", (long long)number_of(box, "finished"));
	html_raw(out, "</td><td data-label=\"failed\">");
	html_textf(out, "%lld", (long long)number_of(box, "failures"));
	if (number_of(box, "in_a_row"))
		html_textf(out, ", %lld in a row", (long long)number_of(box, "in_a_row"));
	html_raw(out, "</td><td data-label=\"last failure\">");
	html_time(out, number_of(box, "failed_ms"));
	html_raw(out, " ");
	html_text(out, text_of(box, "reason"));
	html_raw(out, "</td></tr>\n");
}

void page_boxes(struct str *out, const json_t *boxes)
{
	size_t i;
	json_t *row;

	html_page_begin(out, "Boxes", NULL);
	html_raw(out, "<main><h1>Boxes</h1>");
	if (!json_array_size(boxes)) {
		html_raw(out, "<p>No builder or tester has asked for work yet.</p></main>");
		html_page_end(out);
		return;
	}
	html_raw(out, "<table "
		      "class=\"list\"><thead><tr><th>name</th><th>kind</th><th>state</th><th>seen</"
		      "th><th>works on</th><th>finished</th>"
		      "<th>failed</th><th>last failure</th></tr></thead><tbody>");
	json_array_foreach((json_t *)boxes, i, row) box_row(out, row);
	html_raw(out, "</tbody></table><p class=\"note\">A box that fails again and again gets no "
		      "work for a while, and then one unit to show that it "
		      "is well. It comes back by itself; <code>bisectctl boxes release NAME</code> "
		      "does it at once.</p></main>");
	html_page_end(out);
}
