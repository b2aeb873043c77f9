#include "base/yaml_braces.h"

#include <stdlib.h>
#include <string.h>

#include <yaml.h>

/* Where a mark of libyaml, which counts characters, is in the text; marks come in order. */
struct cursor {
	const char *text;
	size_t len;
	size_t at, index;
};

static const char *move_to(struct cursor *cursor, size_t index)
{
	unsigned code;

	for (; cursor->index < index && cursor->at < cursor->len; cursor->index++) {
		size_t n = str_utf8(cursor->text + cursor->at, cursor->len - cursor->at, &code);

		cursor->at += n ? n : 1;
	}
	return cursor->text + cursor->at;
}

/* The end of a value whose braces end at `close`: there in brackets, else that of the line, without a comment. */
static const char *end_of_value(const char *close, const char *text_end, bool in_brackets)
{
	const char *line_end = memchr(close, '\n', (size_t)(text_end - close)), *comment;

	if (in_brackets)
		return close;
	if (!line_end)
		line_end = text_end;
	comment = memmem(close, (size_t)(line_end - close), " #", 2);
	if (comment)
		line_end = comment;
	while (line_end > close && strchr(" \t\r", line_end[-1]))
		line_end--;
	return line_end;
}

/* As a value or an item; "{{a: b}: c}" as a key is none. */
static bool begins_braces(const yaml_token_t *token, yaml_token_type_t before, const char *at, const char *end)
{
	return token->type == YAML_FLOW_MAPPING_START_TOKEN && end - at >= 2 && at[1] == '{' &&
	       (before == YAML_VALUE_TOKEN || before == YAML_BLOCK_ENTRY_TOKEN || before == YAML_FLOW_ENTRY_TOKEN ||
	               before == YAML_FLOW_SEQUENCE_START_TOKEN);
}

static void add_quoted(struct str *ret, const char *from, const char *end)
{
	str_add_char(ret, '\'');
	for (; from < end; from++) {
		if (*from == '\'')
			str_add_char(ret, '\'');
		str_add_char(ret, *from);
	}
	str_add_char(ret, '\'');
}

/*
 * The scanner of libyaml knows quotes, comments and blocks of text, and takes braces and what follows them as they come; only its
 * parser wants them to make sense.
 */
static void quote_all(struct str *ret, yaml_parser_t *parser, const char *text, size_t len)
{
	struct cursor cursor = { .text = text, .len = len };
	yaml_token_type_t before = YAML_NO_TOKEN;
	const char *done = text; /* up to here all is in *ret */
	size_t brackets = 0;
	bool at_end = false;

	while (!at_end) {
		const char *at;
		yaml_token_t token;

		if (!yaml_parser_scan(parser, &token))
			break;
		at_end = token.type == YAML_STREAM_END_TOKEN || token.type == YAML_NO_TOKEN;
		at = move_to(&cursor, token.start_mark.index);
		if (at < done) {
			/* inside what has been quoted: neither its brackets nor its braces count */
		} else if (begins_braces(&token, before, at, text + len)) {
			const char *close = memmem(at, (size_t)(text + len - at), "}}", 2), *end;

			if (!close)
				break; /* the parser will say so */
			end = end_of_value(close + 2, text + len, brackets > 0);
			str_add_bytes(ret, done, (size_t)(at - done));
			add_quoted(ret, at, end);
			done = end;
		} else if (token.type == YAML_FLOW_MAPPING_START_TOKEN || token.type == YAML_FLOW_SEQUENCE_START_TOKEN) {
			brackets++;
		} else if (token.type == YAML_FLOW_MAPPING_END_TOKEN || token.type == YAML_FLOW_SEQUENCE_END_TOKEN) {
			brackets -= brackets > 0;
		}
		before = token.type;
		yaml_token_delete(&token);
	}
	if (done > text)
		str_add_bytes(ret, done, (size_t)(text + len - done));
}

bool yaml_quote_braces(struct str *ret_text, const char *text, size_t len)
{
	struct str quoted = STR_INIT;
	yaml_parser_t parser;

	if (!memmem(text, len, "{{", 2))
		return false;
	if (!yaml_parser_initialize(&parser))
		abort();
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	quote_all(&quoted, &parser, text, len);
	yaml_parser_delete(&parser);
	if (!quoted.len)
		return false;
	str_release(ret_text);
	*ret_text = quoted;
	return true;
}
