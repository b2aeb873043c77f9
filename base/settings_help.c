/* What the tables of base/settings.h say to people: --help and the man page. */
#include "base/settings.h"

#include <ctype.h>

#include "base/mem.h"
#include "base/settings_table.h"

enum { HELP_WIDTH = 79, HELP_COLUMN = 26 };

/* Such a flag is of use to turn off, so that its other name is shown too. */
static bool is_on_by_default(const struct setting *s)
{
	bool on = false;

	return s->type == SETTING_FLAG && s->standard && setting_parse_flag(s->standard, &on) && on;
}

static size_t count_columns(const char *text, size_t len)
{
	size_t n = 0, i;

	for (i = 0; i < len; i++)
		n += ((unsigned char)text[i] & 0xc0) != 0x80;
	return n;
}

static void add_blanks(struct str *to, size_t n)
{
	while (n--)
		str_add_char(to, ' ');
}

/* Adds words from `column` on, in lines that begin at `indent`; without a newline at the end. */
static void add_wrapped(struct str *to, const char *text, size_t column, size_t indent)
{
	bool first = true;

	for (;;) {
		size_t n, columns;

		text += strspn(text, " \t\n");
		n = strcspn(text, " \t\n");
		if (!n)
			return;
		columns = count_columns(text, n);
		if (!first && column + 1 + columns > HELP_WIDTH) {
			str_add_char(to, '\n');
			add_blanks(to, indent);
			column = indent;
		} else if (!first) {
			str_add_char(to, ' ');
			column++;
		}
		str_add_bytes(to, text, n);
		column += columns;
		text += n;
		first = false;
	}
}

/* The next paragraph of *at, or NULL at the end; the caller frees it. */
static char *next_paragraph(const char **at)
{
	const char *text = *at + strspn(*at, "\n");
	const char *end = strstr(text, "\n\n");

	if (!*text)
		return NULL;
	if (!end)
		end = text + strlen(text);
	*at = end;
	return mem_strndup(text, (size_t)(end - text));
}

/* What is said of a setting: its sentences, and what the table knows besides. */
static void add_help_text(struct str *to, const struct setting *s)
{
	str_add(to, s->help);
	str_trim_right(to);
	if (to->len && !strchr(".!?:)", to->buf[to->len - 1]))
		str_add_char(to, '.');
	if (s->type == SETTING_LIST)
		str_add(to, " May be given several times.");
	if (s->standard && *s->standard && (s->type != SETTING_FLAG || is_on_by_default(s)))
		str_addf(to, " Default: %s.", s->standard);
}

static void add_help_row(struct str *to, const struct setting *s)
{
	struct str label = STR_INIT;
	struct str text = STR_INIT;
	size_t columns;

	if (s->letter)
		str_addf(&label, "  -%c, ", s->letter);
	else
		str_add(&label, "      ");
	str_addf(&label, "--%s%s", is_on_by_default(s) ? "[no-]" : "", s->name);
	if (s->type != SETTING_FLAG)
		str_addf(&label, "=%s", setting_argument(s));
	columns = count_columns(label.buf, label.len);
	str_add(to, label.buf);
	if (columns + 2 > HELP_COLUMN) {
		str_add_char(to, '\n');
		columns = 0;
	}
	add_blanks(to, HELP_COLUMN - columns);
	add_help_text(&text, s);
	add_wrapped(to, text.buf, HELP_COLUMN, HELP_COLUMN);
	str_add_char(to, '\n');
	str_release(&text);
	str_release(&label);
}

/* A sentence on the other places a setting may come from; nothing if there is no other. */
static void add_other_places(struct str *to, const struct command *command)
{
	const struct setting *example = NULL, *s;
	struct str not_so = STR_INIT;

	for (s = command->settings; s && s->name; s++) {
		if (!setting_is_row(s))
			continue;
		if (s->only_command_line)
			str_addf(&not_so, "%s--%s", not_so.len ? ", " : "", s->name);
		else if (strcmp(s->name, "config") != 0 &&
		         (!example || (example->type == SETTING_FLAG && s->type != SETTING_FLAG)))
			example = s;
	}
	if (example) {
		str_addf(to, "--%s can also be set in the environment, as ", example->name);
		setting_add_variable(to, example);
		if (setting_find(command, "config"))
			str_addf(to, ", or in the configuration file, as \"%s: value\"",
			        example->name);
		str_add(to, "; so can every other option");
		if (not_so.len)
			str_addf(to, " except %s", not_so.buf);
		str_add(to, ". The command line wins over the environment");
		str_add(to,
		        setting_find(command, "config") ? ", the environment over the file." : ".");
	}
	str_release(&not_so);
}

static void add_sentence(struct str *to, const char *summary)
{
	size_t start = to->len;

	str_add(to, summary);
	if (to->len == start)
		return;
	to->buf[start] = (char)toupper((unsigned char)to->buf[start]);
	if (to->buf[to->len - 1] != '.')
		str_add_char(to, '.');
}

void settings_print_help(const char *program, const struct command *command)
{
	static const struct setting help = {
		.name = "help", .letter = 'h', .help = "Show this text and stop."
	};
	const char *at = command->description ? command->description : "";
	struct str out = STR_INIT, places = STR_INIT;
	const struct setting *s = command->settings;
	struct setting last = help;
	bool has_headings = false;
	char *paragraph;
	size_t indent;

	str_add(&out, "Usage: ");
	setting_add_command(&out, program, command);
	str_add_char(&out, ' ');
	indent = count_columns(out.buf, out.len);
	add_wrapped(&out, command->synopsis ? command->synopsis : "", indent, indent);
	str_trim_right(&out);
	str_add(&out, "\n\n");
	add_sentence(&out, command->summary);
	str_add_char(&out, '\n');
	while ((paragraph = next_paragraph(&at))) {
		str_add_char(&out, '\n');
		if (isblank((unsigned char)*paragraph))
			str_add(&out, paragraph);
		else
			add_wrapped(&out, paragraph, 0, 0);
		str_add_char(&out, '\n');
		free(paragraph);
	}
	if (!s || !s->name || setting_is_row(s))
		str_add(&out, "\nOptions:\n");
	for (; s && s->name; s++) {
		if (setting_is_row(s))
			add_help_row(&out, s);
		else
			str_addf(&out, "\n%s:\n", s->help);
		has_headings |= !setting_is_row(s);
	}
	if (setting_find_letter(command, 'h'))
		last.letter = 0;
	if (!setting_find(command, "help")) {
		if (has_headings)
			str_add_char(&out, '\n');
		add_help_row(&out, &last);
	}
	add_other_places(&places, command);
	if (places.len) {
		str_add_char(&out, '\n');
		add_wrapped(&out, places.buf, 0, 0);
		str_add_char(&out, '\n');
	}
	fwrite(out.buf, 1, out.len, stdout);
	fflush(stdout);
	str_release(&places);
	str_release(&out);
}

/* Text for roff: nothing in it is a request, and quotes and dashes come out as they were typed. */
static void add_roff(struct str *to, const char *text)
{
	bool line_start = !to->len || to->buf[to->len - 1] == '\n';

	for (; text && *text; text++) {
		if (line_start && *text == '.')
			str_add(to, "\\&");
		line_start = *text == '\n';
		switch (*text) {
		case '\\':
			str_add(to, "\\e");
			break;
		case '-':
			str_add(to, "\\-");
			break;
		case '\'':
			str_add(to, "\\(aq");
			break;
		case '"':
			str_add(to, "\\(dq");
			break;
		case '`':
			str_add(to, "\\(ga");
			break;
		case '^':
			str_add(to, "\\(ha");
			break;
		case '~':
			str_add(to, "\\(ti");
			break;
		default:
			str_add_char(to, *text);
		}
	}
}

static void add_roff_description(struct str *to, const char *text)
{
	const char *at = text ? text : "";
	char *paragraph;

	while ((paragraph = next_paragraph(&at))) {
		bool as_it_is = isblank((unsigned char)*paragraph);

		str_add(to, as_it_is ? ".PP\n.nf\n" : ".PP\n");
		add_roff(to, paragraph);
		str_add(to, as_it_is ? "\n.fi\n" : "\n");
		free(paragraph);
	}
}

static void add_roff_synopsis(struct str *to, const char *program, const struct command *command)
{
	struct str name = STR_INIT;

	setting_add_command(&name, program, command);
	str_add(to, "\\fB");
	add_roff(to, name.buf);
	str_add(to, "\\fR ");
	add_roff(to, command->synopsis);
	str_trim_right(to);
	str_add_char(to, '\n');
	str_release(&name);
}

static void add_roff_row(struct str *to, const struct setting *s)
{
	struct str text = STR_INIT;

	str_add(to, ".TP\n");
	if (s->letter) {
		str_add(to, "\\fB\\-");
		add_roff(to, (char[]){ s->letter, '\0' });
		str_add(to, "\\fR, ");
	}
	str_add(to, "\\fB\\-\\-");
	if (is_on_by_default(s))
		str_add(to, "[no\\-]");
	add_roff(to, s->name);
	str_add(to, "\\fR");
	if (s->type != SETTING_FLAG) {
		str_add(to, "=\\fI");
		add_roff(to, setting_argument(s));
		str_add(to, "\\fR");
	}
	str_add_char(to, '\n');
	add_help_text(&text, s);
	add_roff(to, text.buf);
	str_add_char(to, '\n');
	str_release(&text);
}

/* Below a command, which is a .SS itself, a heading of the table is a line in italics. */
static void add_roff_settings(struct str *to, const struct command *command, bool below_command)
{
	struct str places = STR_INIT;
	const struct setting *s;

	for (s = command->settings; s && s->name; s++) {
		if (setting_is_row(s)) {
			add_roff_row(to, s);
			continue;
		}
		str_add(to, below_command ? ".PP\n\\fI" : ".SS ");
		add_roff(to, s->help);
		str_add(to, below_command ? ":\\fR\n" : "\n");
	}
	add_other_places(&places, command);
	if (places.len && !below_command) {
		str_add(to, ".SH ENVIRONMENT\n");
		add_roff(to, places.buf);
		str_add_char(to, '\n');
	}
	str_release(&places);
}

void settings_print_man(const char *program, int section, const struct command *main_command,
        const struct command *commands)
{
	const struct command *command;
	struct str out = STR_INIT, name = STR_INIT;
	const char *p;

	for (p = program; *p; p++)
		str_add_char(&name, (char)toupper((unsigned char)*p));
	str_add(&out, ".TH ");
	add_roff(&out, name.buf);
	str_addf(&out, " %d \"\" \"bisectd\" \"%s\"\n", section,
	        section == 8 ? "System Administration" : "User Commands");
	str_add(&out, ".SH NAME\n");
	add_roff(&out, program);
	str_add(&out, " \\- ");
	add_roff(&out, main_command->summary);
	str_add(&out, "\n.SH SYNOPSIS\n");
	add_roff_synopsis(&out, program, main_command);
	if (main_command->description && *main_command->description) {
		str_add(&out, ".SH DESCRIPTION\n");
		add_roff_description(&out, main_command->description);
	}
	if (commands && commands->name)
		str_add(&out, ".SH COMMANDS\n");
	for (command = commands; command && command->name; command++) {
		str_add(&out, ".SS ");
		add_roff(&out, program);
		str_add_char(&out, ' ');
		add_roff(&out, command->name);
		str_add_char(&out, '\n');
		add_roff_synopsis(&out, program, command);
		str_add(&out, ".PP\n");
		str_clear(&name);
		add_sentence(&name, command->summary);
		add_roff(&out, name.buf);
		str_add_char(&out, '\n');
		add_roff_description(&out, command->description);
		add_roff_settings(&out, command, true);
	}
	if (main_command->settings && main_command->settings->name) {
		str_add(&out, ".SH OPTIONS\n");
		add_roff_settings(&out, main_command, false);
	}
	fwrite(out.buf, 1, out.len, stdout);
	fflush(stdout);
	str_release(&name);
	str_release(&out);
}
