#include "base/mem.h"
#include "base/str.h"
#include "base/yaml.h"

#include <check.h>

static struct error err;
static struct yaml *doc;
static struct str text;

static void begin(void)
{
	err = (struct error)ERROR_INIT;
	doc = NULL;
	str_init(&text);
}

static void end(void)
{
	yaml_free(doc);
	str_release(&text);
}

static const struct yaml_node *read_text(const char *yaml)
{
	int ret = yaml_read(&doc, "job.yaml", yaml, strlen(yaml), &err);

	ck_assert_msg(ret == 0, "%s", err.text);
	return yaml_root(doc);
}

static void refuse_bytes(const char *yaml, size_t len, int code, const char *message)
{
	ck_assert_int_eq(yaml_read(&doc, "job.yaml", yaml, len, &err), -code);
	ck_assert_str_eq(err.text, message);
	ck_assert_ptr_null(doc);
}

static void refuse(const char *yaml, const char *message)
{
	refuse_bytes(yaml, strlen(yaml), ERR_INVALID, message);
}

static void add_times(const char *piece, size_t times)
{
	while (times--)
		str_add(&text, piece);
}

START_TEST(a_tree_remembers_where_each_thing_stood)
{
	const struct yaml_node *root =
	        read_text("suite: make\nbuild:\n  run: |\n    make\n    make check\n"
	                  "  keep: [a, 'b', \"\\u00e9\"]\n");
	const struct yaml_node *build = yaml_get(root, "build");
	const struct yaml_node *run = yaml_get(build, "run");
	const struct yaml_node *list = yaml_get(build, "keep");

	ck_assert_uint_eq(root->n, 2);
	ck_assert_str_eq(root->keys[0]->text, "suite");
	ck_assert_str_eq(root->values[0]->text, "make");
	ck_assert_uint_eq(root->values[0]->line, 1);
	ck_assert_uint_eq(root->values[0]->column, 8);
	ck_assert_str_eq(run->text, "make\nmake check\n");
	ck_assert(run->quoted);
	ck_assert_uint_eq(list->n, 3);
	ck_assert(!list->values[0]->quoted && list->values[1]->quoted);
	ck_assert_str_eq(list->values[2]->text, "\xc3\xa9");
	ck_assert_uint_eq(list->line, 6);
	ck_assert_ptr_null(list->keys);
	ck_assert_ptr_null(yaml_get(root, "test"));
	ck_assert_ptr_null(yaml_get(list, "a"));
	ck_assert_ptr_null(yaml_get(NULL, "a"));
	ck_assert_str_eq(yaml_where(doc), "job.yaml");
	ck_assert_int_eq(yaml_error(&err, doc, list, "%d is too many", 3), -ERR_INVALID);
	ck_assert_str_eq(err.text, "job.yaml:6:9: 3 is too many");
	yaml_error(&err, doc, NULL, "no suite");
	ck_assert_str_eq(err.text, "job.yaml: no suite");
}
END_TEST

START_TEST(an_empty_document_has_no_root)
{
	static const char *const empty[] = { "", "# nothing\n", "---\n", "---\n...\n",
		"\xef\xbb\xbf", "%YAML 1.1\n---\n" };
	size_t i;

	for (i = 0; i < sizeof(empty) / sizeof(*empty); i++) {
		ck_assert_ptr_null(read_text(empty[i]));
		yaml_free(doc);
		doc = NULL;
	}
	ck_assert_ptr_nonnull(read_text("''"));
}
END_TEST

START_TEST(a_byte_order_mark_and_windows_line_ends_are_fine)
{
	const struct yaml_node *root = read_text("\xef\xbb\xbf"
	                                         "a: 1\r\nb: 2\r\n");

	ck_assert_str_eq(yaml_get(root, "a")->text, "1");
	ck_assert_str_eq(yaml_get(root, "b")->text, "2");
	ck_assert_uint_eq(yaml_get(root, "b")->line, 2);
}
END_TEST

START_TEST(only_unquoted_words_are_null)
{
	const struct yaml_node *root =
	        read_text("- ~\n- null\n- Null\n-\n- ''\n- 'null'\n- nULL\n- []\n- {}\n");
	size_t i;

	ck_assert_uint_eq(root->n, 9);
	for (i = 0; i < root->n; i++)
		ck_assert_int_eq(yaml_is_null(root->values[i]), i < 4);
	ck_assert(yaml_is_null(NULL));
}
END_TEST

START_TEST(aliases_share_the_node_of_their_anchor)
{
	const struct yaml_node *root =
	        read_text("base: &b {x: 1}\none: *b\n<<: *b\n<<: *b\nk: &k word\n*k : v\n"
	                  "again: &b 2\nnew: *b\n");

	ck_assert_ptr_eq(yaml_get(root, "one"), yaml_get(root, "base"));
	ck_assert_ptr_eq(yaml_get(root, "<<"), yaml_get(root, "base"));
	ck_assert_uint_eq(root->n, 8);
	ck_assert_str_eq(yaml_get(root, "word")->text, "v");
	ck_assert_str_eq(yaml_get(root, "new")->text, "2");
}
END_TEST

START_TEST(an_alias_needs_a_finished_anchor_before_it)
{
	refuse("a: *b\n", "job.yaml:1:4: alias *b has no anchor &b before it");
	refuse("a: &b\n  c: *b\n", "job.yaml:2:6: alias *b stands inside its own anchor of line 1");
	refuse("&b [*b]\n", "job.yaml:1:5: alias *b stands inside its own anchor of line 1");
}
END_TEST

START_TEST(the_same_key_twice_is_refused)
{
	refuse("a: 1\nb: 2\n\"a\": 3\n", "job.yaml:3:1: key \"a\" stands here again, after line 1");
	refuse("x: {a: &a a, *a : 2}\n",
	        "job.yaml:1:14: key \"a\" stands here again, after line 1");
	refuse("x: [&k w, {*k : 1, *k : 2}]\n",
	        "job.yaml:1:20: key \"w\" stands here again, after line 1");
	read_text("a: {a: 1}\nb: {a: 1}\n");
}
END_TEST

START_TEST(a_stream_has_documents_with_anchors_of_their_own)
{
	static const char bad[] = "a: &x 1\n---\n---\nb: [*x]\n", fine[] = "a: &x 1\n---\n---\nb: 2\n";
	struct str many = STR_INIT;

	ck_assert_int_lt(yaml_read_stream(&doc, "s", bad, strlen(bad), &err), 0);
	ck_assert_msg(strstr(err.text, "s:4:5: alias *x has no anchor"), "%s", err.text);
	ck_assert_int_eq(yaml_read_stream(&doc, "s", fine, strlen(fine), &err), 0);
	ck_assert_uint_eq(yaml_count(doc), 3);
	ck_assert_str_eq(yaml_get(yaml_document(doc, 0), "a")->text, "1");
	ck_assert_ptr_null(yaml_document(doc, 1));
	ck_assert_str_eq(yaml_get(yaml_document(doc, 2), "b")->text, "2");
	yaml_free(doc);
	doc = NULL;
	ck_assert_int_lt(yaml_read(&doc, "s", fine, strlen(fine), &err), 0);
	for (int i = 0; i < YAML_DOCUMENTS_MAX + 1; i++)
		str_add(&many, "--- a\n");
	ck_assert_int_eq(yaml_read_stream(&doc, "s", many.buf, many.len, &err), -ERR_LIMIT);
	str_release(&many);
}
END_TEST

START_TEST(only_plain_data_is_taken)
{
	refuse("a: !!str x\n",
	        "job.yaml:1:4: tag \"tag:yaml.org,2002:str\" found; only plain data is allowed");
	refuse("!python/object [a]\n",
	        "job.yaml:1:1: tag \"!python/object\" found; only plain data is allowed");
	refuse("--- ! {}\n", "job.yaml:1:5: tag \"!\" found; only plain data is allowed");
	refuse("%TAG !e! tag:example,2000:\n---\na\n",
	        "job.yaml:1:1: a %TAG directive found; only plain data is allowed");
	refuse("[a]: 1\n", "job.yaml:1:1: a key has to be one word or text, not a list or mapping; "
	        "text that begins with { or [ needs quotes");
	refuse("? {a: 1}\n: 1\n",
	        "job.yaml:1:3: a key has to be one word or text, not a list or mapping; "
	        "text that begins with { or [ needs quotes");
	refuse("a\n---\nb\n", "job.yaml:2:1: a second document begins; one is allowed");
}
END_TEST

START_TEST(only_text_is_taken)
{
	refuse("a: b\nc: \xff\n", "job.yaml:2:4: byte 0xff found, which is not UTF-8");
	refuse("a: \xed\xa0\x80\n", "job.yaml:1:4: byte 0xed found, which is not UTF-8");
	refuse("\xff\xfe"
	       "a",
	        "job.yaml:1:1: byte 0xff found, which is not UTF-8");
	refuse_bytes("a: \xc3\xa9\0\n", 7, ERR_INVALID,
	        "job.yaml:1:5: character U+0000 found; control characters are not allowed");
	refuse("a\x1b[2J",
	        "job.yaml:1:2: character U+001B found; control characters are not allowed");
	refuse("a: \"x\\0\"", "job.yaml:1:4: a NUL byte (\\0) found, which no text may hold");
	/* Bytes after `len` are not looked at. */
	ck_assert_int_eq(yaml_read(&doc, "x", "abc\xff", 3, &err), 0);
	ck_assert_str_eq(yaml_root(doc)->text, "abc");
}
END_TEST

START_TEST(a_syntax_error_says_what_was_wanted_and_where)
{
	refuse("a:\n\tb: 1\n", "job.yaml:2:1: a tab found; indent with blanks");
	refuse("\xc3\xa9: @b\n",
	        "job.yaml:1:4: \"@\" cannot begin a value; write the value in quotes");
	refuse("a: [1, 2\nb: 3\n",
	        "job.yaml:2:2: did not find expected ',' or ']' (while parsing a flow sequence "
	        "that begins in line 1)");
	refuse("a: b: c\n", "job.yaml:1:5: found \": \" where no key can stand; a value that holds one "
	        "goes in quotes");
	refuse("  a: 1\nb: 2\n", "job.yaml:2:1: found a line that is indented less than the first one; "
	        "keys of one mapping begin in one column");
	refuse("a: 1\n  b: 2\n", "job.yaml:2:4: found \": \" where no key can stand; a value that holds "
	        "one goes in quotes");
	refuse("a: 1\nb\n", "job.yaml:3:1: found no \":\" after a key, allowed: \"key: value\" (while "
	        "scanning a simple key that begins in line 2)");
	ck_assert_int_eq(yaml_read(&doc, "x", "a: 'b", 5, NULL), -ERR_INVALID);
}
END_TEST

START_TEST(a_text_of_ten_megabytes_is_refused)
{
	add_times("key: value\n", (10u << 20) / 11);
	refuse_bytes(text.buf, text.len, ERR_LIMIT,
	        "job.yaml:1:1: 10485750 bytes found, at most 1048576 are allowed");
}
END_TEST

START_TEST(ten_thousand_levels_are_refused_in_every_form)
{
	static const char *const forms[] = { "[", "{a: ", "- ", "? ", "[\n", "{? ", "&a [" };
	size_t i;

	for (i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		str_clear(&text);
		add_times(forms[i], 10000);
		ck_assert_int_lt(yaml_read(&doc, "job.yaml", text.buf, text.len, &err), 0);
		if (strchr(forms[i], '?') == NULL) {
			ck_assert_int_eq(err.code, ERR_LIMIT);
			ck_assert_msg(strstr(err.text,
			                      "nested deeper than the 64 levels allowed") != NULL,
			        "%s", err.text);
		}
		ck_assert(str_has_prefix(err.text, "job.yaml:"));
	}
	str_clear(&text);
	for (i = 0; i < 600; i++) {
		size_t j;

		for (j = 0; j < i; j++)
			str_add_char(&text, ' ');
		str_add(&text, "k:\n");
	}
	refuse_bytes(text.buf, text.len, ERR_LIMIT,
	        "job.yaml:65:65: nested deeper than the 64 levels allowed");
}
END_TEST

START_TEST(sixty_four_levels_are_fine_and_no_alias_adds_to_them)
{
	size_t i;

	add_times("[", 64);
	str_add(&text, "&x y");
	add_times("]", 64);
	read_text(text.buf);
	yaml_free(doc);
	doc = NULL;
	str_clear(&text);
	str_add(&text, "a0: &a0 [x]\n");
	for (i = 1; i < 63; i++)
		str_addf(&text, "a%zu: &a%zu [*a%zu]\n", i, i, i - 1);
	read_text(text.buf);
	yaml_free(doc);
	doc = NULL;
	str_addf(&text, "a63: [*a62]\n");
	refuse_bytes(text.buf, text.len, ERR_LIMIT,
	        "job.yaml:64:7: nested deeper than the 64 levels allowed, through alias *a62");
}
END_TEST

START_TEST(a_bomb_of_aliases_is_refused)
{
	size_t i, j;

	str_add(&text, "a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
	for (i = 1; i < 40; i++) {
		str_addf(&text, "a%zu: &a%zu [", i, i);
		for (j = 0; j < 9; j++)
			str_addf(&text, "*a%zu, ", i - 1);
		str_add(&text, "]\n");
	}
	refuse_bytes(text.buf, text.len, ERR_LIMIT,
	        "job.yaml:6:10: more than 100000 values, counting what aliases repeat");
}
END_TEST

START_TEST(a_long_text_repeated_by_aliases_is_refused)
{
	str_add(&text, "a: &a ");
	add_times("0123456789", 50000);
	str_add(&text, "\nb: [");
	add_times("*a , ", 10000);
	str_add(&text, "]\n");
	refuse_bytes(text.buf, text.len, ERR_LIMIT,
	        "job.yaml:2:80: more than 8388608 bytes, counting what aliases repeat");
}
END_TEST

START_TEST(too_many_values_are_refused)
{
	str_add(&text, "[");
	add_times("1,", 200000);
	str_add(&text, "]");
	ck_assert_int_eq(yaml_read(&doc, "job.yaml", text.buf, text.len, &err), -ERR_LIMIT);
}
END_TEST

START_TEST(the_worst_texts_within_the_limits_take_little_time)
{
	static const char *const pieces[] = { "a: b\n", "- a\n", "&a b: *a \n", "# x\n", "'", "\"",
		"\n", " ", ",", "a ", "a\n ", "\\", "*a ", "&a ", "!a ", "? ", "- ", ": ", "{", "}",
		"[]", "{}\n", "| ", "|\n", "%a", "---\n", "...\n", "\"\\\n", "\xe2\x80\xa8",
		"\xef\xbb\xbf", "a:", ":a", "?a", "-", "{a,", "[[],", "- - ", "'' ", "\r",
		"%YAML 1.1\n" };
	size_t i;

	/* Check's own limit of time, set below, is the assertion. */
	for (i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
		str_clear(&text);
		if (i % 2)
			str_add(&text, "k: ");
		add_times(pieces[i], ((1u << 20) - 3) / strlen(pieces[i]));
		if (yaml_read(&doc, "job.yaml", text.buf, text.len, &err) == 0) {
			yaml_free(doc);
			doc = NULL;
		} else {
			ck_assert(str_has_prefix(err.text, "job.yaml:"));
		}
	}
}
END_TEST

START_TEST(thousands_of_keys_are_compared_quickly)
{
	size_t i;

	for (i = 0; i < 40000; i++)
		str_addf(&text, "key%zu: %zu\n", i, i);
	ck_assert_uint_eq(read_text(text.buf)->n, 40000);
	yaml_free(doc);
	doc = NULL;
	str_add(&text, "key7: again\n");
	refuse_bytes(text.buf, text.len, ERR_INVALID,
	        "job.yaml:40001:1: key \"key7\" stands here again, after line 8");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base/yaml");
	TCase *tests = tcase_create("yaml");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, begin, end);
	tcase_add_test(tests, a_tree_remembers_where_each_thing_stood);
	tcase_add_test(tests, an_empty_document_has_no_root);
	tcase_add_test(tests, a_byte_order_mark_and_windows_line_ends_are_fine);
	tcase_add_test(tests, only_unquoted_words_are_null);
	tcase_add_test(tests, aliases_share_the_node_of_their_anchor);
	tcase_add_test(tests, an_alias_needs_a_finished_anchor_before_it);
	tcase_add_test(tests, the_same_key_twice_is_refused);
	tcase_add_test(tests, a_stream_has_documents_with_anchors_of_their_own);
	tcase_add_test(tests, only_plain_data_is_taken);
	tcase_add_test(tests, only_text_is_taken);
	tcase_add_test(tests, a_syntax_error_says_what_was_wanted_and_where);
	tcase_add_test(tests, a_text_of_ten_megabytes_is_refused);
	tcase_add_test(tests, ten_thousand_levels_are_refused_in_every_form);
	tcase_add_test(tests, sixty_four_levels_are_fine_and_no_alias_adds_to_them);
	tcase_add_test(tests, a_bomb_of_aliases_is_refused);
	tcase_add_test(tests, a_long_text_repeated_by_aliases_is_refused);
	tcase_add_test(tests, too_many_values_are_refused);
	tcase_add_test(tests, the_worst_texts_within_the_limits_take_little_time);
	tcase_add_test(tests, thousands_of_keys_are_compared_quickly);
	tcase_set_timeout(tests, 60);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
