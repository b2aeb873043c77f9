#include "base/settings_table.h"

#include <ctype.h>
#include <strings.h>

bool setting_is_row(const struct setting *s)
{
	return s->type != SETTING_HEADING;
}

const struct setting *setting_find(const struct command *command, const char *name)
{
	const struct setting *s;

	for (s = command->settings; s && s->name; s++)
		if (setting_is_row(s) && strcmp(s->name, name) == 0)
			return s;
	return NULL;
}

const struct setting *setting_find_letter(const struct command *command, char letter)
{
	const struct setting *s;

	for (s = command->settings; s && s->name; s++)
		if (setting_is_row(s) && s->letter && s->letter == letter)
			return s;
	return NULL;
}

void setting_add_command(struct str *to, const char *program, const struct command *command)
{
	str_add(to, program);
	if (strcmp(program, command->name) != 0)
		str_addf(to, " %s", command->name);
}

void setting_add_variable(struct str *to, const struct setting *s)
{
	const char *p;

	str_add(to, "BISECTD_");
	for (p = s->name; *p; p++)
		str_add_char(to, *p == '-' ? '_' : (char)toupper((unsigned char)*p));
}

bool setting_parse_flag(const char *text, bool *ret)
{
	static const char *const words[] = { "no", "yes", "false", "true", "off", "on", "0", "1" };
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (strcasecmp(text, words[i]) == 0) {
			*ret = i % 2;
			return true;
		}
	}
	return false;
}

const char *setting_argument(const struct setting *s)
{
	if (s->argument)
		return s->argument;
	switch (s->type) {
	case SETTING_NUMBER:
		return "N";
	case SETTING_SECONDS:
		return "TIME";
	case SETTING_BYTES:
		return "SIZE";
	default:
		return "VALUE";
	}
}
