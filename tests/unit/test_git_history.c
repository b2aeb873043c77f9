#include "git/history.h"

#include <check.h>

#include "base/file.h"
#include "base/mem.h"
#include "tests/unit/git_fixture.h"

#define GOOD(...) (const char *const []){ __VA_ARGS__, NULL }

/*
 * libgit2 1.5 loses its match data for each setting of a version 1 repository that is no extension.
 */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
	return "leak:libpcre2-8.so";
}

static struct error err;
static struct history history;
static struct repository *repository;

static void enter(void)
{
	fixture_enter();
	err = (struct error)ERROR_INIT;
}

static void leave(void)
{
	history_release(&history);
	repository_free(repository);
	fixture_leave();
}

static void open_repository(const char *path)
{
	ck_assert_msg(repository_open(&repository, path, &err) == 0, "%s", err.text);
}

/* "commit parent parent...", sorted: what we loaded, and what git says the range is. */
static void add_loaded(struct strv *ret)
{
	for (uint32_t v = 0; v < history.graph.n; v++) {
		struct str line = STR_INIT;

		str_add(&line, history.hex[v]);
		for (uint32_t k = history.graph.first[v]; k < history.graph.first[v + 1]; k++) {
			ck_assert_uint_lt(history.graph.parent[k], v);
			str_addf(&line, " %s", history.hex[history.graph.parent[k]]);
		}
		if (history.in_range[v])
			strv_push(ret, line.buf);
		else
			ck_assert_uint_eq(line.len, GIT_HEX);
		str_release(&line);
	}
	strv_sort_unique(ret);
}

static void expect_like_rev_list(
	const char *path, const char *bad, bool first_parent, const char *const *good)
{
	struct strv ours = STRV_INIT, theirs = STRV_INIT;
	struct str not_good = STR_INIT, also_not_good = STR_INIT;
	const char *said;

	ck_assert_msg(
		repo_history(&history, path, bad, first_parent, &err, good) == 0, "%s", err.text);
	add_loaded(&ours);
	str_addf(&not_good, "^%s", good[0]);
	if (good[1])
		str_addf(&also_not_good, "^%s", good[1]);
	said = git_says(path, "rev-list", "--parents",
		first_parent ? "--first-parent" : "--topo-order", bad, not_good.buf,
		good[1] ? also_not_good.buf : not_good.buf, NULL);
	for (const char *p = said; *p;) {
		size_t len = strcspn(p, "\n");

		if (first_parent && len > 2 * GIT_HEX + 1)
			strv_pushf(&theirs, "%.*s", 2 * GIT_HEX + 1, p);
		else
			strv_pushf(&theirs, "%.*s", (int)len, p);
		p += len + (p[len] == '\n');
	}
	strv_sort_unique(&theirs);
	ck_assert_uint_eq(ours.n, theirs.n);
	ck_assert_uint_eq(history.n_range, ours.n);
	for (size_t i = 0; i < ours.n; i++)
		ck_assert_str_eq(ours.v[i], theirs.v[i]);
	ck_assert_uint_eq(history_find(&history, repo_id(path, bad)), history.bad);
	ck_assert(history.in_range[history.bad]);
	for (size_t i = 0; i < history.n_good; i++)
		ck_assert(!history.in_range[history.good[i]]);
	strv_release(&ours);
	strv_release(&theirs);
	str_release(&not_good);
	str_release(&also_not_good);
}

static void expect_no_history(const char *path, const char *bad, const char *const *good,
	enum error_code code, const char *words)
{
	struct history before = history;

	ck_assert_int_eq(repo_history(&history, path, bad, false, &err, good), -(int)code);
	ck_assert_int_eq(err.code, code);
	ck_assert_msg(strstr(err.text, words) != NULL, "'%s' is not in: %s", words, err.text);
	ck_assert_mem_eq(&before, &history, sizeof(before));
}

static bool is_good_end(const char *path, const char *name)
{
	uint32_t vertex = history_find(&history, repo_id(path, name));

	for (size_t i = 0; i < history.n_good; i++) {
		if (history.good[i] == vertex)
			return true;
	}
	return false;
}

START_TEST(a_linear_range_is_what_rev_list_says)
{
	repo_import("r", "a\nb a\nc b\nd c\ne d\n");
	expect_like_rev_list("r", "e", false, GOOD("b"));
	ck_assert_uint_eq(history.n_range, 3);
	ck_assert_uint_eq(history.graph.n, 4);
	ck_assert_uint_eq(history.notes.n, 0);
	ck_assert(is_good_end("r", "b"));
	ck_assert_str_eq(history.tree[history.bad], repo_id("r", "e^{tree}"));
	ck_assert_uint_eq(history_find(&history, repo_id("r", "a")), UINT32_MAX);
}
END_TEST

START_TEST(merges_and_an_octopus_keep_all_their_parents)
{
	repo_import("r", "a\nb a\nc a\nd a\ne b\no b c d\nf o e\ng f\n");
	expect_like_rev_list("r", "g", false, GOOD("a"));
	ck_assert_uint_eq(history.n_range, 7);
	history_release(&history);
	expect_like_rev_list("r", "g", false, GOOD("b"));
	ck_assert_uint_ne(history_find(&history, repo_id("r", "a")), UINT32_MAX);
}
END_TEST

START_TEST(along_first_parents_a_merge_is_one_step)
{
	repo_import("r", "a\nb a\nx a\ny x\nm b y\nc m\n");
	expect_like_rev_list("r", "c", true, GOOD("a"));
	ck_assert_uint_eq(history.n_range, 3);
	ck_assert_uint_eq(history_find(&history, repo_id("r", "x")), UINT32_MAX);
	history_release(&history);
	/* A good end that came in by a merge is still an ancestor. */
	expect_like_rev_list("r", "c", true, GOOD("y"));
	ck_assert_uint_eq(history.n_range, 3);
	ck_assert_uint_eq(history.notes.n, 0);
	ck_assert(is_good_end("r", "y"));
}
END_TEST

START_TEST(several_good_ends_cut_together)
{
	repo_import("r", "a\nb a\nc b\nx a\ny x\nm c y\nd m\n");
	expect_like_rev_list("r", "d", false, GOOD("c", "x"));
	ck_assert_uint_eq(history.n_range, 3);
	ck_assert_uint_eq(history.n_good, 2);
	history_release(&history);
	/* One of them behind the other, and one twice. */
	ck_assert_int_eq(repo_history(&history, "r", "d", false, &err, GOOD("c", "a", "c")), 0);
	ck_assert_uint_eq(history.n_good, 2);
	ck_assert(is_good_end("r", "a") && is_good_end("r", "c"));
	ck_assert_uint_eq(history.notes.n, 0);
}
END_TEST

START_TEST(a_good_end_beside_the_bad_one_gives_the_merge_base_and_says_so)
{
	repo_import("r", "a\nb a\ng b\nh g\nc b\nd c\n");
	expect_like_rev_list("r", "d", false, GOOD("h"));
	ck_assert_uint_eq(history.n_range, 2);
	ck_assert_uint_eq(history.n_good, 1);
	ck_assert(is_good_end("r", "b"));
	ck_assert_uint_eq(history.notes.n, 1);
	ck_assert_ptr_nonnull(strstr(history.notes.v[0], "not an ancestor"));
	ck_assert_ptr_nonnull(strstr(history.notes.v[0], "using the merge base "));
}
END_TEST

START_TEST(criss_cross_merges_give_both_merge_bases)
{
	repo_import("r", "a\nb a\nc a\nm b c\nn c b\ng m\nd n\n");
	expect_like_rev_list("r", "d", false, GOOD("g"));
	ck_assert_uint_eq(history.n_range, 2);
	ck_assert_uint_eq(history.n_good, 2);
	ck_assert(is_good_end("r", "b") && is_good_end("r", "c"));
	ck_assert_ptr_nonnull(strstr(history.notes.v[0], "merge bases"));
}
END_TEST

START_TEST(an_empty_range_is_an_error_that_says_why)
{
	repo_import("r", "a\nb a\nc b\n");
	expect_no_history("r", "b", GOOD("b"), ERR_INVALID, "both the good and the bad end");
	expect_no_history("r", "a", GOOD("c"), ERR_INVALID, "wrong way round");
	expect_no_history("r", "b", GOOD("a", "c"), ERR_INVALID, "wrong way round");
	open_repository("r");
	ck_assert_int_eq(
		history_load(&history, repository, GOOD("0123456789012345678901234567890123456789"),
			repo_id("r", "c"), false, &err),
		-ERR_NOT_FOUND);
	ck_assert_ptr_nonnull(strstr(err.text, "good end: no commit '0123"));
	ck_assert_int_eq(history_load(&history, repository, (const char *const[]){ NULL },
				 repo_id("r", "c"), false, NULL),
		-ERR_INVALID);
}
END_TEST

START_TEST(histories_without_a_common_commit_are_refused)
{
	repo_import("r", "a\nb a\nx\ny x\nm b y\nc m\n");
	expect_no_history("r", "b", GOOD("y"), ERR_INVALID, "no common history");
	/* Merged, they are one; beside another good end, the stranger is only left out. */
	expect_like_rev_list("r", "c", false, GOOD("b"));
	ck_assert_uint_eq(history.n_range, 4);
	history_release(&history);
	ck_assert_int_eq(repo_history(&history, "r", "b", false, &err, GOOD("a", "y")), 0);
	ck_assert_uint_eq(history.n_good, 1);
	ck_assert_ptr_nonnull(strstr(history.notes.v[0], "left out"));
}
END_TEST

START_TEST(wrong_clocks_change_nothing)
{
	/* Children older than their parents, on both sides, and a side branch from the future. */
	repo_import("r", "a@9000\nb@10 a\nc@8000 b\nd@20 c\ng@1 b\nh@30000 g\nx@99999 a\ny@2 "
			 "x\nm@5 d y\nn@6 m\n");
	expect_like_rev_list("r", "n", false, GOOD("h"));
	ck_assert_uint_eq(history.n_range, 6);
	history_release(&history);
	expect_like_rev_list("r", "n", false, GOOD("d"));
	ck_assert_uint_eq(history.n_range, 4);
	expect_no_history("r", "a", GOOD("h"), ERR_INVALID, "wrong way round");
}
END_TEST

START_TEST(old_dates_on_the_good_side_do_not_hide_an_ancestor)
{
	/*
	 * k is in both histories at once; that y is behind it shows only after eight commits from
	 * 1970.
	 */
	repo_import("r", "p@100\nq@200 p\ny@50000 q\nz@60000 y\n"
			 "a1@1 y\na2@1 a1\na3@1 a2\na4@1 a3\na5@1 a4\na6@1 a5\na7@1 a6\na8@1 "
			 "a7\nk@70000 a8\n"
			 "g@79000 k\nbad@80000 k z\n");
	ck_assert_int_eq(repo_history(&history, "r", "bad", false, &err, GOOD("g")), 0);
	ck_assert_uint_eq(history.n_range, 2);
	ck_assert_uint_ne(history_find(&history, repo_id("r", "z")), UINT32_MAX);
	ck_assert_uint_eq(history_find(&history, repo_id("r", "q")), UINT32_MAX);
}
END_TEST

START_TEST(random_graphs_are_what_rev_list_says)
{
	struct str lines = STR_INIT, bad = STR_INIT, good = STR_INIT;
	unsigned state = 12345;

	/* 1500 commits, a third of them merges, parents within the last forty, clocks that jump. */
	for (unsigned i = 0; i < 1500; i++) {
		unsigned parents = i == 0 ? 0 : i < 40 || i % 3 ? 1 : 2 + i % 2;

		str_addf(&lines, "c%u@%u", i, 1000000 + 60 * i + (i % 17 == 0 ? 5000 : 0));
		for (unsigned k = 0; k < parents; k++) {
			state = state * 1103515245 + 12345;
			str_addf(&lines, " c%u",
				i - 1 - (state >> 16) % (i < 40 ? i : 13) - (i < 40 ? 0 : 13 * k));
		}
		str_add_char(&lines, '\n');
	}
	repo_import("r", lines.buf);
	for (unsigned i = 1; i <= 6; i++) {
		str_setf(&bad, "c%u", 1499 - 7 * i);
		str_setf(&good, "c%u", 210 * i);
		expect_like_rev_list("r", bad.buf, i % 2, GOOD(good.buf));
		history_release(&history);
	}
	str_release(&lines);
	str_release(&bad);
	str_release(&good);
}
END_TEST

START_TEST(two_loads_give_the_same_order)
{
	struct history again;

	repo_import("r", "a@5\nb@5 a\nc@5 a\nd@5 a\no@5 b c d\ne@5 o\n");
	ck_assert_int_eq(repo_history(&history, "r", "e", false, &err, GOOD("a")), 0);
	ck_assert_int_eq(repo_history(&again, "r", "e", false, &err, GOOD("a")), 0);
	ck_assert_uint_eq(history.graph.n, again.graph.n);
	ck_assert_mem_eq(history.hex, again.hex, history.graph.n * sizeof(*history.hex));
	history_release(&again);
}
END_TEST

START_TEST(a_shallow_clone_is_refused_only_where_it_is_cut)
{
	char *url;

	repo_import("r", "a\nb a\nc b\nd c\ne d\n");
	url = mem_printf("file://%s/r", fixture_directory());
	git_ok(NULL, "clone", "--quiet", "--bare", "--depth=3", "--branch=e", url, "s", NULL);
	/* c is there, its parent is not. */
	ck_assert_int_eq(repo_history(&history, "s", "e", false, &err, GOOD(repo_id("r", "c"))), 0);
	ck_assert_uint_eq(history.n_range, 2);
	history_release(&history);
	ck_assert_int_eq(repo_history(&history, "s", "e", false, &err, GOOD(repo_id("r", "d"))), 0);
	ck_assert_uint_eq(history.n_range, 1);
	git_ok("s", "fetch", "--quiet", "--depth=1", url, "a:a", NULL);
	expect_no_history("s", "e", GOOD("a"), ERR_INVALID, "shallow");
	free(url);
}
END_TEST

START_TEST(a_cut_inside_the_range_is_named)
{
	char *url;

	repo_import("r", "a\nb a\nc b\nx a\ny x\nm c y\nd m\n");
	url = mem_printf("file://%s/r", fixture_directory());
	git_ok(NULL, "clone", "--quiet", "--bare", "--depth=3", "--branch=d", url, "s", NULL);
	/* m is whole, c and y are cut; c is good, and what is behind y nobody knows. */
	expect_no_history("s", "d", GOOD(repo_id("r", "c")), ERR_INVALID, "cut off at");
	ck_assert_ptr_nonnull(strstr(err.text, "shallow"));
	free(url);
}
END_TEST

START_TEST(replacements_and_grafts_are_not_looked_at)
{
	repo_import("r", "a\nb a\nc b\nd c\n");
	git_ok("r", "replace", "--graft", "d", "a", NULL);
	ck_assert_int_eq(repo_history(&history, "r", "d", false, &err, GOOD("a")), 0);
	ck_assert_uint_eq(history.n_range, 3);
	open_repository("r");
	ck_assert(repository_is_ancestor(repository, repo_id("r", "b"), repo_id("r", "d")));
}
END_TEST

START_TEST(ancestors_are_told_from_others)
{
	repo_import("r", "a\nb a\nc a\n");
	open_repository("r");
	ck_assert(repository_is_ancestor(repository, repo_id("r", "a"), repo_id("r", "b")));
	ck_assert(repository_is_ancestor(repository, repo_id("r", "b"), repo_id("r", "b")));
	ck_assert(!repository_is_ancestor(repository, repo_id("r", "b"), repo_id("r", "a")));
	ck_assert(!repository_is_ancestor(repository, repo_id("r", "b"), repo_id("r", "c")));
	ck_assert(!repository_is_ancestor(repository, "x", repo_id("r", "c")));
}
END_TEST

START_TEST(steps_back_go_in_powers_of_four_and_end_at_the_root)
{
	char steps[8][GIT_HEX + 1];
	struct str lines = STR_INIT;
	size_t n = 99;

	str_add(&lines, "c0\nside c0\n");
	for (unsigned i = 1; i <= 30; i++)
		str_addf(&lines, "c%u c%u%s\n", i, i - 1, i == 20 ? " side" : "");
	repo_import("r", lines.buf);
	open_repository("r");
	ck_assert_int_eq(
		history_steps_back(steps, &n, 8, repository, repo_id("r", "c30"), &err), 0);
	ck_assert_uint_eq(n, 4);
	ck_assert_str_eq(steps[0], repo_id("r", "c29"));
	ck_assert_str_eq(steps[1], repo_id("r", "c26"));
	ck_assert_str_eq(steps[2], repo_id("r", "c14"));
	ck_assert_str_eq(steps[3], repo_id("r", "c0"));
	ck_assert_int_eq(
		history_steps_back(steps, &n, 2, repository, repo_id("r", "c30"), &err), 0);
	ck_assert_uint_eq(n, 2);
	ck_assert_str_eq(steps[1], repo_id("r", "c0"));
	ck_assert_int_eq(history_steps_back(steps, &n, 8, repository, repo_id("r", "c4"), &err), 0);
	ck_assert_uint_eq(n, 2);
	ck_assert_int_eq(history_steps_back(steps, &n, 8, repository, repo_id("r", "c0"), &err), 0);
	ck_assert_uint_eq(n, 0);
	str_release(&lines);
}
END_TEST

START_TEST(a_revision_is_what_git_takes_for_one)
{
	char hex[GIT_HEX + 1] = "untouched";

	repo_import("r", "a\nb a\nc b\n");
	git_ok("r", "tag", "-a", "-m", "one", "v1.0", "b", NULL);
	git_ok("r", "symbolic-ref", "HEAD", "refs/heads/c", NULL);
	open_repository("r");
	ck_assert_int_eq(repository_resolve(hex, repository, "v1.0", &err), 0);
	ck_assert_str_eq(hex, repo_id("r", "b"));
	ck_assert_int_eq(repository_resolve(hex, repository, "v1.0~1", &err), 0);
	ck_assert_str_eq(hex, repo_id("r", "a"));
	ck_assert_int_eq(repository_resolve(hex, repository, "HEAD", &err), 0);
	ck_assert_str_eq(hex, repo_id("r", "c"));
	ck_assert_int_eq(repository_resolve(hex, repository, ":/b", &err), 0);
	ck_assert_str_eq(hex, repo_id("r", "b"));
	/* The id of a tag is followed too. */
	ck_assert_int_eq(repository_resolve(hex, repository, repo_id("r", "v1.0"), &err), 0);
	ck_assert_str_eq(hex, repo_id("r", "b"));
}
END_TEST

START_TEST(what_is_no_revision_is_not_found_and_runs_nothing)
{
	static const char *const wrong[] = {
		"",
		"nothing",
		"-h",
		"--all",
		"--git-dir=/",
		"a..b",
		"^a",
		"a b",
		"a\nb",
		"a^{tree}",
		"`touch x`",
		"$(touch x)",
		"0123456789012345678901234567890123456789",
	};
	char hex[GIT_HEX + 1] = "untouched";

	repo_import("r", "a\nb a\n");
	open_repository("r");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		ck_assert_msg(repository_resolve(hex, repository, wrong[i], &err) == -ERR_NOT_FOUND,
			"%s", wrong[i]);
		ck_assert_ptr_nonnull(strstr(err.text, "no commit '"));
		ck_assert_str_eq(hex, "untouched");
	}
	ck_assert(!fixture_exists("x"));
	ck_assert_int_eq(repository_resolve(hex, repository, repo_id("r", "a^{tree}"), &err),
		-ERR_NOT_FOUND);
}
END_TEST

START_TEST(a_repository_is_found_from_below_its_work_tree)
{
	char *git_dir;

	repo_import("r", "a\n");
	ck_assert_int_eq(dir_make("r/below/it", 0755, &err), 0);
	open_repository("r/below/it");
	git_dir = realpath("r/.git", NULL);
	ck_assert_str_eq(repository_git_dir(repository), git_dir);
	ck_assert(str_has_suffix(repository_work_tree(repository), "/r"));
	free(git_dir);
	repository_free(repository);
	git_ok(NULL, "init", "--quiet", "--bare", "bare", NULL);
	open_repository("bare");
	ck_assert_ptr_null(repository_work_tree(repository));
	ck_assert_int_eq(repository_open(&repository, "nowhere", &err), -ERR_NOT_FOUND);
	ck_assert_ptr_nonnull(strstr(err.text, "nowhere"));
}
END_TEST

START_TEST(in_a_linked_work_tree_head_is_its_own)
{
	char hex[GIT_HEX + 1];

	repo_import("r", "a\nb a\n");
	git_ok("r", "config", "extensions.worktreeConfig", "true", NULL);
	git_ok("r", "config", "core.repositoryFormatVersion", "1", NULL);
	git_ok("r", "symbolic-ref", "HEAD", "refs/heads/b", NULL);
	git_ok("r", "worktree", "add", "--quiet", "--detach", "../w", "a", NULL);
	open_repository("w");
	ck_assert_int_eq(repository_resolve(hex, repository, "HEAD", &err), 0);
	ck_assert_str_eq(hex, repo_id("r", "a"));
	ck_assert(str_has_suffix(repository_git_dir(repository), "/r/.git"));
}
END_TEST

START_TEST(a_commit_is_read_as_stored)
{
	struct commit_info info;

	repo_import("r", "a\n");
	git_ok("r", "read-tree", "a", NULL);
	git_ok("r", "update-ref", "refs/heads/unborn", "a", NULL);
	git_ok("r", "commit", "--quiet", "--allow-empty", "-m", "$(x) `y` \"z\" <b>\nsecond line",
		NULL);
	open_repository("r");
	ck_assert_int_eq(commit_info_read(&info, repository, repo_id("r", "HEAD"), &err), 0);
	ck_assert_str_eq(info.hex, repo_id("r", "HEAD"));
	ck_assert_str_eq(info.tree, repo_id("r", "a^{tree}"));
	ck_assert_str_eq(info.subject, "$(x) `y` \"z\" <b>");
	ck_assert_str_eq(info.author, "A U Thor <author@example.org>");
	ck_assert_int_eq(info.time_s, 1700000000);
	ck_assert_uint_eq(info.n_parents, 1);
	ck_assert_str_eq(info.parents[0], repo_id("r", "a"));
	commit_info_release(&info);
	ck_assert_int_eq(commit_info_read(&info, repository, "HEAD", &err), -ERR_NOT_FOUND);
}
END_TEST

START_TEST(a_missing_commit_is_named)
{
	char *path;
	const char *id;

	repo_import("r", "a\nb a\nc b\n");
	id = repo_id("r", "b");
	path = mem_printf("r/.git/objects/%.2s/%s", id, id + 2);
	ck_assert_msg(
		fixture_exists(path), "fast-import no longer writes loose objects for few commits");
	ck_assert_int_eq(dir_remove(path, &err), 0);
	expect_no_history("r", "c", GOOD("a"), ERR_CORRUPT, id);
	free(path);
}
END_TEST

/* --- Reverts. --- */

static void make_lines(const char *path, const char *first, const char *last)
{
	struct str text = STR_INIT;

	str_addf(&text, "%s\n2\n3\n4\n5\n6\n7\n8\n%s\n", first, last);
	fixture_write(path, text.buf);
	str_release(&text);
}

/* r: base, culprit (first line), later (last line); returns ids. */
static void make_culprit(const char *path, const char **culprit, const char **tip)
{
	struct str file = STR_INIT;

	git_ok(NULL, "init", "--quiet", "--initial-branch=main", path, NULL);
	str_addf(&file, "%s/f", path);
	make_lines(file.buf, "1", "9");
	repo_commit(path, "base");
	make_lines(file.buf, "broken", "9");
	*culprit = repo_commit(path, "break \"it\"");
	make_lines(file.buf, "broken", "nine");
	*tip = repo_commit(path, "later");
	str_release(&file);
}

START_TEST(a_clean_revert_undoes_the_culprit_and_keeps_what_came_after)
{
	const char *culprit, *tip;
	char hex[GIT_HEX + 1];
	char *object;

	make_culprit("r", &culprit, &tip);
	open_repository("r");
	ck_assert_msg(
		repository_make_revert(hex, repository, tip, culprit, &err) == 0, "%s", err.text);
	ck_assert_str_eq(
		git_says("r", "log", "-1", "--format=%s", hex, NULL), "Revert \"break \"it\"\"");
	ck_assert_str_eq(git_says("r", "log", "-1", "--format=%P", hex, NULL), tip);
	object = mem_printf("%s:f", hex);
	ck_assert_str_eq(
		git_says("r", "cat-file", "-p", object, NULL), "1\n2\n3\n4\n5\n6\n7\n8\nnine");
	free(object);
	/* Nothing of the repository moved. */
	ck_assert_str_eq(repo_id("r", "HEAD"), tip);
	ck_assert_str_eq(git_says("r", "status", "--porcelain", NULL), "");
}
END_TEST

START_TEST(the_same_revert_has_the_same_id_everywhere)
{
	const char *culprit, *tip;
	char here[GIT_HEX + 1], again[GIT_HEX + 1], there[GIT_HEX + 1];

	make_culprit("r", &culprit, &tip);
	git_ok(NULL, "clone", "--quiet", "--bare", "r", "other", NULL);
	open_repository("r");
	ck_assert_int_eq(repository_make_revert(here, repository, tip, culprit, &err), 0);
	ck_assert_int_eq(repository_make_revert(again, repository, tip, culprit, &err), 0);
	repository_free(repository);
	setenv("GIT_AUTHOR_NAME", "Somebody Else", 1);
	open_repository("other");
	ck_assert_int_eq(repository_make_revert(there, repository, tip, culprit, &err), 0);
	ck_assert_str_eq(here, again);
	ck_assert_str_eq(here, there);
}
END_TEST

START_TEST(a_revert_that_does_not_apply_says_where)
{
	const char *culprit, *tip;
	char hex[GIT_HEX + 1] = "untouched";

	make_culprit("r", &culprit, &tip);
	make_lines("r/f", "rewritten", "nine");
	tip = repo_commit("r", "over it");
	open_repository("r");
	ck_assert_int_eq(repository_make_revert(hex, repository, tip, culprit, &err), -ERR_INVALID);
	ck_assert_ptr_nonnull(strstr(err.text, "conflict in f"));
	make_lines("r/f", "1", "nine");
	tip = repo_commit("r", "mended by hand");
	ck_assert_int_eq(repository_make_revert(hex, repository, tip, culprit, &err), -ERR_INVALID);
	ck_assert_ptr_nonnull(strstr(err.text, "changes nothing"));
	ck_assert_int_eq(repository_make_revert(hex, repository, tip,
				 "0123456789012345678901234567890123456789", &err),
		-ERR_NOT_FOUND);
	ck_assert_str_eq(hex, "untouched");
}
END_TEST

START_TEST(a_merge_is_reverted_against_its_first_parent)
{
	char hex[GIT_HEX + 1];
	char *object;

	repo_import("r", "a\nb a\nx a\n");
	git_ok("r", "checkout", "--quiet", "-b", "main", "b", NULL);
	git_ok("r", "merge", "--quiet", "-s", "ours", "--no-commit", "x", NULL);
	fixture_write("r/from-x", "x\n");
	repo_commit("r", "merge x");
	open_repository("r");
	ck_assert_msg(repository_make_revert(hex, repository, repo_id("r", "HEAD"),
			      repo_id("r", "HEAD"), &err) == 0,
		"%s", err.text);
	object = mem_printf("%s^{tree}", hex);
	ck_assert_str_eq(repo_id("r", object), repo_id("r", "b^{tree}"));
	free(object);
}
END_TEST

START_TEST(the_first_commit_of_all_can_be_reverted)
{
	char hex[GIT_HEX + 1];
	char *object;

	repo_import("r", "a\nb a\n");
	git_ok("r", "checkout", "--quiet", "b", NULL);
	fixture_write("r/more", "x\n");
	fixture_write("r/f", "a");
	repo_commit("r", "more");
	open_repository("r");
	ck_assert_msg(repository_make_revert(
			      hex, repository, repo_id("r", "HEAD"), repo_id("r", "a"), &err) == 0,
		"%s", err.text);
	object = mem_printf("%s:files", hex);
	ck_assert_str_eq(git_says("r", "ls-tree", "--name-only", object, NULL), "b");
	free(object);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("git/history");
	TCase *tests = tcase_create("history");
	SRunner *runner;
	int failed;

	fixture_environment();
	tcase_add_checked_fixture(tests, enter, leave);
	tcase_add_test(tests, a_linear_range_is_what_rev_list_says);
	tcase_add_test(tests, merges_and_an_octopus_keep_all_their_parents);
	tcase_add_test(tests, along_first_parents_a_merge_is_one_step);
	tcase_add_test(tests, several_good_ends_cut_together);
	tcase_add_test(tests, a_good_end_beside_the_bad_one_gives_the_merge_base_and_says_so);
	tcase_add_test(tests, criss_cross_merges_give_both_merge_bases);
	tcase_add_test(tests, an_empty_range_is_an_error_that_says_why);
	tcase_add_test(tests, histories_without_a_common_commit_are_refused);
	tcase_add_test(tests, wrong_clocks_change_nothing);
	tcase_add_test(tests, old_dates_on_the_good_side_do_not_hide_an_ancestor);
	tcase_add_test(tests, random_graphs_are_what_rev_list_says);
	tcase_add_test(tests, two_loads_give_the_same_order);
	tcase_add_test(tests, a_shallow_clone_is_refused_only_where_it_is_cut);
	tcase_add_test(tests, a_cut_inside_the_range_is_named);
	tcase_add_test(tests, replacements_and_grafts_are_not_looked_at);
	tcase_add_test(tests, ancestors_are_told_from_others);
	tcase_add_test(tests, steps_back_go_in_powers_of_four_and_end_at_the_root);
	tcase_add_test(tests, a_revision_is_what_git_takes_for_one);
	tcase_add_test(tests, what_is_no_revision_is_not_found_and_runs_nothing);
	tcase_add_test(tests, a_repository_is_found_from_below_its_work_tree);
	tcase_add_test(tests, in_a_linked_work_tree_head_is_its_own);
	tcase_add_test(tests, a_commit_is_read_as_stored);
	tcase_add_test(tests, a_missing_commit_is_named);
	tcase_add_test(tests, a_clean_revert_undoes_the_culprit_and_keeps_what_came_after);
	tcase_add_test(tests, the_same_revert_has_the_same_id_everywhere);
	tcase_add_test(tests, a_revert_that_does_not_apply_says_where);
	tcase_add_test(tests, a_merge_is_reverted_against_its_first_parent);
	tcase_add_test(tests, the_first_commit_of_all_can_be_reverted);
	tcase_set_timeout(tests, 120);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_set_fork_status(runner, CK_FORK);	/* what one test leaves behind would be in the way of the next */
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
