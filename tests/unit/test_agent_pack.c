/* Kept files: packing, unpacking what a stranger packed, and the tester's cache of them. */
#include "agent/pack.h"

#include <archive.h>
#include <archive_entry.h>
#include <check.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"
#include "testers/cache.h"

static char *home;

static const char *at(const char *name)
{
	static struct str paths[8];
	static unsigned next;

	next = (next + 1) % 8;
	if (!paths[next].buf)
		str_init(&paths[next]);
	return str_setf(&paths[next], "%s/%s", home, name);
}

static void put(const char *name, const char *text, mode_t mode)
{
	ck_assert_int_eq(file_write_atomic(at(name), text, strlen(text), mode, NULL), 0);
	ck_assert_int_eq(chmod(at(name), mode), 0);
}

static void is(const char *name, const char *text)
{
	struct str found = STR_INIT;

	ck_assert_msg(file_read(&found, at(name), 1 << 20, NULL) == 0, "%s is not there", name);
	ck_assert_str_eq(found.buf, text);
	str_release(&found);
}

static bool there(const char *name)
{
	struct stat st;

	return lstat(at(name), &st) == 0;
}

static void hash_of(const char *name, char hex[HASH_HEX_LEN + 1])
{
	int fd = open(at(name), O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(hash_file(fd, hex, NULL), 0);
	close(fd);
}

static void set_up(void)
{
	home = mem_strdup("/tmp/bisect-pack-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(home));
	ck_assert_int_eq(dir_make(at("tree/tests/data"), 0755, NULL), 0);
	ck_assert_int_eq(dir_make(at("tree/.git"), 0755, NULL), 0);
	ck_assert_int_eq(dir_make(at("out"), 0755, NULL), 0);
	put("tree/app", "program", 0755);
	put("tree/main.c", "source", 0644);
	put("tree/main.o", "object", 0600);
	put("tree/calc.o", "object", 0644);
	put("tree/tests/run.sh", "script", 0700);
	put("tree/tests/data/one.o", "one", 0644);
	put("tree/.git/config", "secret", 0644);
	ck_assert_int_eq(symlink("app", at("tree/link")), 0);
	ck_assert_int_eq(symlink("/etc/passwd", at("tree/away")), 0);
}

static void tear_down(void)
{
	ck_assert_int_eq(dir_remove(home, NULL), 0);
	free(home);
}

static void pack(const char *const *keep)
{
	struct error err = ERROR_INIT;

	ck_assert_msg(pack_tree(at("archive"), at("tree"), keep, &err) == 0, "%s", err.text);
}

static void unpack(void)
{
	struct error err = ERROR_INIT;

	ck_assert_msg(unpack_tree(at("archive"), at("out"), &err) == 0, "%s", err.text);
}

START_TEST(everything_is_kept_where_nothing_is_named_but_git)
{
	struct stat st;
	char target[100] = "";

	pack(NULL);
	unpack();
	is("out/app", "program");
	is("out/tests/data/one.o", "one");
	ck_assert(!there("out/.git"));
	ck_assert_int_eq(stat(at("out/app"), &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0755);
	ck_assert_int_eq(stat(at("out/main.o"), &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0644);
	ck_assert_int_gt((int)readlink(at("out/away"), target, sizeof(target) - 1), 0);
	ck_assert_str_eq(target, "/etc/passwd");
}
END_TEST

START_TEST(named_files_directories_and_patterns_are_kept)
{
	const char *const keep[] = { "./app", "tests/", "*.o", NULL };

	pack(keep);
	unpack();
	ck_assert(there("out/app"));
	ck_assert(there("out/main.o"));
	ck_assert(there("out/calc.o"));
	ck_assert(there("out/tests/run.sh"));
	ck_assert(there("out/tests/data/one.o"));
	ck_assert(!there("out/main.c"));
	ck_assert(!there("out/link"));
}
END_TEST

START_TEST(a_star_does_not_match_a_slash)
{
	const char *const keep[] = { "tests/*/one.o", "*.c", NULL };

	pack(keep);
	unpack();
	ck_assert(there("out/tests/data/one.o"));
	ck_assert(there("out/main.c"));
	ck_assert(!there("out/tests/run.sh"));
	ck_assert(!there("out/main.o"));
}
END_TEST

START_TEST(same_files_give_the_same_bytes)
{
	struct timespec times[2] = { { 1000, 0 }, { 1000, 0 } };
	char first[HASH_HEX_LEN + 1], second[HASH_HEX_LEN + 1];

	pack(NULL);
	hash_of("archive", first);
	ck_assert_int_eq(rename(at("tree/main.o"), at("tree/x")), 0);
	put("tree/main.o", "object", 0640);
	ck_assert_int_eq(unlink(at("tree/x")), 0);
	ck_assert_int_eq(utimensat(AT_FDCWD, at("tree/app"), times, 0), 0);
	pack(NULL);
	hash_of("archive", second);
	ck_assert_str_eq(first, second);
}
END_TEST

START_TEST(a_keep_that_matches_nothing_is_told)
{
	const char *const keep[] = { "app", "lib*.so", NULL };
	struct error err = ERROR_INIT;

	ck_assert_int_eq(pack_tree(at("archive"), at("tree"), keep, &err), -ERR_NOT_FOUND);
	ck_assert_msg(strstr(err.text, "lib*.so"), "%s", err.text);
	ck_assert(!there("archive"));
}
END_TEST

START_TEST(a_keep_that_leaves_the_tree_is_refused)
{
	const char *const ways[] = { "../x", "/etc", "a/../../x", "", NULL };

	for (size_t i = 0; ways[i]; i++) {
		const char *const keep[] = { ways[i], NULL };

		ck_assert_int_eq(pack_tree(at("archive"), at("tree"), keep, NULL), -ERR_INVALID);
	}
}
END_TEST

/* An archive with one entry, and one more that would go through it. */
static void evil(
	const char *name, mode_t type, const char *target, const char *hardlink, const char *then)
{
	struct archive *archive = archive_write_new();
	struct archive_entry *entry = archive_entry_new();

	archive_write_set_format_pax_restricted(archive);
	archive_write_add_filter_zstd(archive);
	ck_assert_int_eq(archive_write_open_filename(archive, at("archive")), ARCHIVE_OK);
	archive_entry_set_pathname(entry, name);
	archive_entry_set_filetype(entry, type);
	archive_entry_set_perm(entry, 04755);
	if (target)
		archive_entry_set_symlink(entry, target);
	if (hardlink)
		archive_entry_set_hardlink(entry, hardlink);
	archive_entry_set_size(entry, !target && !hardlink && type == AE_IFREG ? 4 : 0);
	ck_assert_int_eq(archive_write_header(archive, entry), ARCHIVE_OK);
	if (!target && !hardlink && type == AE_IFREG)
		ck_assert_int_eq((int)archive_write_data(archive, "evil", 4), 4);
	if (then) {
		archive_entry_clear(entry);
		archive_entry_set_pathname(entry, then);
		archive_entry_set_filetype(entry, AE_IFREG);
		archive_entry_set_perm(entry, 0644);
		archive_entry_set_size(entry, 4);
		ck_assert_int_eq(archive_write_header(archive, entry), ARCHIVE_OK);
		ck_assert_int_eq((int)archive_write_data(archive, "evil", 4), 4);
	}
	archive_entry_free(entry);
	ck_assert_int_eq(archive_write_close(archive), ARCHIVE_OK);
	archive_write_free(archive);
}

static void is_refused(void)
{
	struct error err = ERROR_INIT;

	ck_assert_int_eq(unpack_tree(at("archive"), at("out"), &err), -ERR_CORRUPT);
	ck_assert(err.text[0]);
	ck_assert(!there("victim"));
}

START_TEST(entries_that_would_land_outside_are_refused)
{
	evil("../victim", AE_IFREG, NULL, NULL, NULL);
	is_refused();
	evil("a/../../victim", AE_IFREG, NULL, NULL, NULL);
	is_refused();
	evil(at("victim"), AE_IFREG, NULL, NULL, NULL);
	is_refused();
	/* "home" is a link out, then a file is written through it. */
	evil("home", AE_IFLNK, home, NULL, "home/victim");
	is_refused();
	evil("up", AE_IFLNK, "..", NULL, "up/victim");
	is_refused();
}
END_TEST

START_TEST(hard_links_to_files_outside_are_refused)
{
	put("treasure", "gold", 0644);
	evil("mine", AE_IFREG, NULL, "../treasure", NULL);
	is_refused();
	evil("mine", AE_IFREG, NULL, at("treasure"), NULL);
	is_refused();
	is("treasure", "gold");
	ck_assert(!there("out/mine"));
}
END_TEST

START_TEST(devices_and_pipes_are_refused)
{
	evil("pipe", AE_IFIFO, NULL, NULL, NULL);
	is_refused();
	ck_assert(!there("out/pipe"));
}
END_TEST

START_TEST(set_user_id_bits_are_dropped)
{
	struct stat st;

	evil("app", AE_IFREG, NULL, NULL, NULL);
	unpack();
	ck_assert_int_eq(stat(at("out/app"), &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0755);
}
END_TEST

START_TEST(a_damaged_archive_is_corrupt_and_not_half_believed)
{
	struct stat st;
	struct error err = ERROR_INIT;

	pack(NULL);
	ck_assert_int_eq(stat(at("archive"), &st), 0);
	ck_assert_int_eq(truncate(at("archive"), st.st_size / 2), 0);
	ck_assert_int_eq(unpack_tree(at("archive"), at("out"), &err), -ERR_CORRUPT);
	put("archive", "not an archive at all, but quite some bytes of text", 0644);
	ck_assert_int_eq(unpack_tree(at("archive"), at("out"), &err), -ERR_CORRUPT);
}
END_TEST

/* --- The cache --- */

START_TEST(a_kept_artifact_comes_back)
{
	char hex[HASH_HEX_LEN + 1];

	put("file", "bytes", 0644);
	hash_of("file", hex);
	ck_assert_int_eq(dir_make(at("cache"), 0700, NULL), 0);
	ck_assert(!cache_get(at("cache"), hex, at("mine")));
	cache_put(at("cache"), hex, at("file"), 1000);
	ck_assert(cache_get(at("cache"), hex, at("mine")));
	is("mine", "bytes");
}
END_TEST

START_TEST(a_kept_artifact_whose_hash_is_wrong_is_not_given_and_forgotten)
{
	char hex[HASH_HEX_LEN + 1];
	struct str path = STR_INIT;

	put("file", "bytes", 0644);
	hash_of("file", hex);
	ck_assert_int_eq(dir_make(at("cache"), 0700, NULL), 0);
	str_setf(&path, "cache/%s", hex);
	put(path.buf, "bytEs", 0644);
	ck_assert(!cache_get(at("cache"), hex, at("mine")));
	ck_assert(!there("mine"));
	ck_assert(!there(path.buf));
	str_release(&path);
}
END_TEST

START_TEST(what_was_not_used_for_longest_leaves_a_full_cache)
{
	char hex[3][HASH_HEX_LEN + 1];
	struct str path = STR_INIT;

	ck_assert_int_eq(dir_make(at("cache"), 0700, NULL), 0);
	for (int i = 0; i < 3; i++) {
		struct timespec times[2] = { { 1000 + i, 0 }, { 1000 + i, 0 } };
		const char *const texts[] = { "first-file", "other-file", "third-file" };

		put("file", texts[i], 0644);
		hash_of("file", hex[i]);
		cache_put(at("cache"), hex[i], at("file"), 25);
		str_setf(&path, "cache/%s", hex[i]);
		ck_assert_int_eq(utimensat(AT_FDCWD, at(path.buf), times, 0), 0);
		/* The first one is used again, after the second. */
		if (i == 1)
			ck_assert(cache_get(at("cache"), hex[0], at("mine")));
		ck_assert_int_eq(unlink(at("file")), 0);
	}
	ck_assert(cache_get(at("cache"), hex[0], at("mine")));
	ck_assert(!cache_get(at("cache"), hex[1], at("mine")));
	ck_assert(cache_get(at("cache"), hex[2], at("mine")));
	str_release(&path);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pack");
	TCase *tcase = tcase_create("pack");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, everything_is_kept_where_nothing_is_named_but_git);
	tcase_add_test(tcase, named_files_directories_and_patterns_are_kept);
	tcase_add_test(tcase, a_star_does_not_match_a_slash);
	tcase_add_test(tcase, same_files_give_the_same_bytes);
	tcase_add_test(tcase, a_keep_that_matches_nothing_is_told);
	tcase_add_test(tcase, a_keep_that_leaves_the_tree_is_refused);
	tcase_add_test(tcase, entries_that_would_land_outside_are_refused);
	tcase_add_test(tcase, hard_links_to_files_outside_are_refused);
	tcase_add_test(tcase, devices_and_pipes_are_refused);
	tcase_add_test(tcase, set_user_id_bits_are_dropped);
	tcase_add_test(tcase, a_damaged_archive_is_corrupt_and_not_half_believed);
	tcase_add_test(tcase, a_kept_artifact_comes_back);
	tcase_add_test(tcase, a_kept_artifact_whose_hash_is_wrong_is_not_given_and_forgotten);
	tcase_add_test(tcase, what_was_not_used_for_longest_leaves_a_full_cache);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
