/* Error ids of a kernel's console: whose bug a report is of, and which id of a finding is the one
 * to bisect. */
#include <check.h>

#include "job/error_guess.h"
#include "job/errorid.h"

static struct extractor *feed_all(enum error_source source, const char *text)
{
	struct error err = ERROR_INIT;
	struct extractor *x = NULL;

	ck_assert_msg(extractor_new(&x, source, "demo", NULL, &err) == 0, "%s", err.text);
	extractor_feed(x, text, strlen(text));
	extractor_end(x, 0, 0, false);
	return x;
}

/* The ids of a log, or the representatives alone, a line each. */
static void must_be(
        enum error_source source, const char *text, bool representatives, const char *expected)
{
	struct extractor *x = feed_all(source, text);
	const struct found_error *found;
	size_t n = extractor_results(x, &found);
	struct str ids = STR_INIT;

	for (size_t i = 0; i < n; i++)
		if (!representatives || found[i].representative)
			str_addf(&ids, "%s\n", found[i].id);
	ck_assert_msg(!strcmp(ids.buf, expected), "%s\ngives\n%s", text, ids.buf);
	str_release(&ids);
	extractor_free(x);
}

static void must_give(const char *text, const char *expected)
{
	must_be(SOURCE_DMESG, text, false, expected);
}

static void must_choose(const char *text, const char *expected)
{
	must_be(SOURCE_DMESG, text, true, expected);
}

static void must_be_called(const char *text, const char *asked)
{
	struct extractor *x = feed_all(SOURCE_DMESG, text);
	const struct found_error *found;
	bool called = false;

	for (size_t i = 0, n = extractor_results(x, &found); i < n; i++)
		called |= errorid_is(asked, found[i].id, &found[i].aliases);
	ck_assert_msg(called, "%s\nis not called %s", text, asked);
	extractor_free(x);
}

/* --- Where it happened --- */

#define HUNG                                                                                       \
	"[  200.1] INFO: task cat:33 blocked for more than 120 seconds.\n[  200.2]       Not "     \
	"tainted 6.12.0 #1\n"

START_TEST(a_report_whose_header_names_no_function_has_that_of_its_stack)
{
	static const char hung[] = HUNG
	        "[  200.3] Call Trace:\n[  200.4]  <TASK>\n[  200.5]  __schedule+0x1/0x2\n"
	        "[  200.6]  schedule+0x1/0x2\n[  200.7]  ? drv_x+0x1/0x2\n"
	        "[  200.8]  __mutex_lock.constprop.0+0x1/0x2\n[  200.9]  drv_a+0x1/0x2 [drv]\n";

	must_give(hung, "dmesg.INFO:task_blocked_for_more_than#seconds_in_drv_a\n");
	must_be_called(hung, "dmesg.INFO:task_blocked_for_more_than#seconds");
	must_be_called(hung, "dmesg.eid.INFO:task_blocked_for_more_than#seconds");
}
END_TEST

START_TEST(without_a_stack_it_is_called_as_lkp_calls_it)
{
	must_give(HUNG, "dmesg.INFO:task_blocked_for_more_than#seconds\n");
	/* The stack of another error, or behind a cut, is not its own. */
	must_give(HUNG "[  201.1] BUG: KASAN: slab-use-after-free in drv_b+0x1/0x2\n[  201.2] Call "
	               "Trace:\n[  201.3]  drv_b+0x1/0x2\n",
	        "dmesg.INFO:task_blocked_for_more_than#seconds\ndmesg.BUG:KASAN:slab-use-after-"
	        "free_in_drv_b\n");
	must_give(HUNG "[  201.1] ------------[ cut here ]------------\n[  201.2] demo says "
	               "something\n[  201.3] Call Trace:\n"
	               "[  201.4]  drv_b+0x1/0x2\n",
	        "dmesg.INFO:task_blocked_for_more_than#seconds\n");
	must_give(HUNG
	        "[  200.3] Call Trace:\n[  200.4]  __schedule+0x1/0x2\n[  200.5]  schedule+0x1",
	        "dmesg.INFO:task_blocked_for_more_than#seconds\n");
}
END_TEST

START_TEST(locks_that_a_task_holds_and_who_disabled_preemption_are_not_guilty)
{
	must_give("[    9.1] BUG: sleeping function called from invalid context at "
	          "mm/slab.h:510\n[    9.2] 1 lock held by cat/33:\n"
	          "[    9.3]  #0: ffff888101234408 (&d->lock){+.+.}-{2:2}, at: drv_b+0x1/0x2\n[    "
	          "9.4] Preemption disabled at:\n"
	          "[    9.5] [<ffffffffc0001a2f>] drv_c+0x1/0x2 [drv]\n[    9.6] Call Trace:\n[    "
	          "9.7]  dump_stack_lvl+0x1/0x2\n"
	          "[    9.8]  __might_resched.cold+0x1/0x2\n[    9.9]  drv_a+0x1/0x2\n",
	        "dmesg.BUG:sleeping_function_called_from_invalid_context_at_mm/slab.h_in_drv_a\n");
}
END_TEST

START_TEST(callers_that_write_in_turns_have_their_own_stacks)
{
	must_give("[    9.1][   T33] BUG: scheduling while atomic: cat/33/0x00000002\n"
	          "[    9.1][   T34] BUG: scheduling while atomic: cat/34/0x00000002\n[    9.2][   "
	          "T34] Call Trace:\n"
	          "[    9.2][   T33] Call Trace:\n[    9.3][   T34]  __schedule_bug+0x1/0x2\n[    "
	          "9.3][   T34]  drv_b+0x1/0x2\n"
	          "[    9.4][   T33]  drv_a+0x1/0x2\n",
	        "dmesg.BUG:scheduling_while_atomic_in_drv_a\ndmesg.BUG:scheduling_while_atomic_in_"
	        "drv_b\n");
}
END_TEST

START_TEST(an_object_that_is_debugged_has_the_function_of_its_hint_or_of_its_stack)
{
	must_choose("[    9.1] ODEBUG: free active (active state 0) object: ffff888101234408 "
	            "object type: timer_list "
	            "hint: drv_timer+0x0/0x10\n"
	            "[    9.2] WARNING: CPU: 1 PID: 33 at lib/debugobjects.c:514 "
	            "debug_print_object+0x65/0x90\n"
	            "[    9.3] RIP: 0010:debug_print_object+0x65/0x90\n[    9.4] Call Trace:\n[    "
	            "9.5]  debug_check_no_obj_freed+0x1/0x2\n"
	            "[    9.6]  kfree+0x1/0x2\n[    9.7]  drv_a+0x1/0x2\n",
	        "dmesg.WARNING:at_lib/debugobjects.c:#debug_print_object_in_drv_a\n");
	must_give("[    9.1] ODEBUG: activate active (active state 0) object: ffff888101234408 "
	          "object type: work_struct hint: 0x0\n"
	          "[    9.2] WARNING: lib/debugobjects.c:514 at debug_print_object+0x65/0x90, "
	          "CPU#1: cat/33\n[    9.4] Call Trace:\n"
	          "[    9.5]  debug_object_activate+0x1/0x2\n[    9.7]  drv_a+0x1/0x2\n",
	        "dmesg.ODEBUG:activate_active(active_state#)object:#object_type:work_struct_hint_"
	        "in_drv_a\n"
	        "dmesg.WARNING:at_lib/debugobjects.c:#debug_print_object_in_drv_a\n");
}
END_TEST

/* --- The one to bisect --- */

#define OOPS(function)                                                                             \
	"[    9.1] BUG: kernel NULL pointer dereference, address: 0000000000000018\n[    9.2] "    \
	"Oops: 0000 [#1] SMP NOPTI\n"                                                              \
	"[    9.3] RIP: 0010:" function                                                            \
	"+0x1/0x20 [drv]\n[    9.4] Call Trace:\n[    9.5]  drv_read+0x1/0x2\n"                    \
	"[    9.6] ---[ end trace 0000000000000000 ]---\n"

START_TEST(of_an_oops_it_is_the_id_that_names_the_function)
{
	must_choose(OOPS("drv_a"), "dmesg.RIP:drv_a[drv]\n");
	must_choose("[    9.1] Unable to handle kernel NULL pointer dereference at virtual address "
	            "0000000000000018\n"
	            "[    9.2] Internal error: Oops: 0000000096000004 [#1] SMP\n[    9.3] pc : "
	            "drv_a+0x1/0x20\n[    9.4] lr : drv_b+0x1/0x2\n",
	        "dmesg.pc:drv_a\n");
	must_choose("[    9.1] watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [cat:33]\n[    "
	            "9.2] RIP: 0010:drv_a+0x1/0x20\n"
	            "[    9.3] Kernel panic - not syncing: softlockup: hung tasks\n",
	        "dmesg.RIP:drv_a\n");
	/* Where nothing names it, what it is. */
	must_choose("[    9.1] BUG: kernel NULL pointer dereference, address: 0000000000000018\n[  "
	            "  9.2] Oops: 0000 [#1] SMP NOPTI\n",
	        "dmesg.BUG:kernel_NULL_pointer_dereference,address\n");
}
END_TEST

START_TEST(the_function_of_a_report_and_of_a_warning_goes_before_the_place_it_says_again)
{
	must_choose("[    9.1] WARNING: CPU: 1 PID: 33 at drivers/drv/core.c:7 drv_a+0x1/0x20\n[   "
	            " 9.2] RIP: 0010:drv_a+0x1/0x20\n",
	        "dmesg.WARNING:at_drivers/drv/core.c:#drv_a\n");
	must_choose("[    9.1] BUG: KASAN: slab-use-after-free in drv_a+0x1/0x2\n[    9.2] RIP: "
	            "0010:drv_a+0x1/0x20\n",
	        "dmesg.BUG:KASAN:slab-use-after-free_in_drv_a\n");
}
END_TEST

START_TEST(processors_that_wait_are_not_guilty_of_a_stall)
{
	must_choose("[    9.1] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:\n[    9.2] "
	            "NMI backtrace for cpu 0\n"
	            "[    9.3] RIP: 0010:native_halt+0x1/0x2\n[    9.4] Call Trace:\n[    9.5]  "
	            "default_idle+0x1/0x2\n"
	            "[    9.5]  do_idle+0x1/0x2\n"
	            "[    9.6] NMI backtrace for cpu 1\n[    9.7] RIP: 0010:drv_a+0x1/0x2\n",
	        "dmesg.RIP:drv_a\n");
}
END_TEST

START_TEST(what_a_stalled_processor_was_at_is_guilty_of_the_stall)
{
	must_choose("[    9.1] rcu: INFO: rcu_sched self-detected stall on CPU\n[    9.2] NMI backtrace for cpu 1\n"
	            "[    9.3] Call Trace:\n[    9.4]  <IRQ>\n[    9.5]  dump_stack+0x1/0x2\n[    9.6]  </IRQ>\n"
	            "[    9.7] RIP: 0010:drv_a+0x1/0x20\n[    9.8]  drv_read+0x1/0x2\n[    9.9] RIP: 0010:drv_c+0x1/0x2\n",
	        "dmesg.RIP:drv_a\n");
}
END_TEST

START_TEST(what_copies_to_a_user_and_its_bug_are_one_finding)
{
	must_choose("[    9.1] usercopy: Kernel memory exposure attempt detected from SLUB object 'x' (offset 0, size 128)!\n"
	            "[    9.2] kernel BUG at mm/usercopy.c:102!\n[    9.3] RIP: 0010:usercopy_abort+0x1/0x2\n"
	            "[    9.4] Call Trace:\n[    9.5]  __check_object_size+0x1/0x2\n[    9.6]  drv_a+0x1/0x2\n",
	        "dmesg.RIP:drv_a\n");
}
END_TEST

START_TEST(a_second_oops_of_another_function_is_another_finding)
{
	must_choose(OOPS("drv_a") OOPS("drv_b"), "dmesg.RIP:drv_a[drv]\ndmesg.RIP:drv_b[drv]\n");
	must_choose(OOPS("drv_a")
	                    OOPS("drv_a") "[    9.7] Kernel panic - not syncing: Fatal exception\n",
	        "dmesg.RIP:drv_a[drv]\n");
	must_choose(OOPS("kfree")
	                    OOPS("kfree") "[    9.7] Kernel panic - not syncing: Fatal exception\n",
	        "dmesg.RIP:drv_read[drv]\n");
}
END_TEST

START_TEST(of_a_deadlock_it_is_the_pair_of_locks_whoever_took_them)
{
	static const char text[] =
	        "[    9.1] WARNING: possible circular locking dependency detected\n[    9.2] dd/71 "
	        "is trying to acquire lock:\n"
	        "[    9.3] ffff888101234408 (&d->a){+.+.}-{3:3}, at: drv_a+0x1/0x2\n[    9.4] but "
	        "task is already holding lock:\n"
	        "[    9.5] ffff888101234508 (&d->b){+.+.}-{3:3}, at: drv_b+0x1/0x2\n";

	must_choose(text, "dmesg.WARNING:possible_circular_locking_dependency_detected_is_trying_"
	                  "to_acquire_lock:at:drv_a"
	                  "_but_task_is_already_holding_lock:at:drv_b\n");
	must_be_called(text, "dmesg.WARNING:possible_circular_locking_dependency_detected_dd_is_"
	                     "trying_to_acquire_lock:at:drv_a"
	                     "_but_task_is_already_holding_lock:at:drv_b");
	must_be_called(text, "dmesg.WARNING:possible_circular_locking_dependency_detected");
}
END_TEST

START_TEST(a_panic_that_comes_of_a_hard_lockup_is_of_its_finding)
{
	must_choose("[    9.1] watchdog: CPU3: Watchdog detected hard LOCKUP on cpu 3\n[    9.2] "
	            "RIP: 0010:drv_a+0x1/0x20\n"
	            "[    9.3] Kernel panic - not syncing: Hard LOCKUP\n"
	            "[    9.4] ---[ end Kernel panic - not syncing: Hard LOCKUP ]---\n",
	        "dmesg.RIP:drv_a\n");
}
END_TEST

START_TEST(what_a_shell_says_of_a_program_that_the_kernel_ended_is_of_one_finding)
{
	must_be(SOURCE_TEST,
	        "ok 1 - a\n[    9.1][  T123] demo[123]: segfault at 10 ip 000055d0c2a1b149 sp "
	        "00007ffd1e2f3a40 error 4 in demo[1+2]\n"
	        "Segmentation fault\nnot ok 2 - b\n",
	        true, "dmesg.demo[#]:segfault_at_ip_sp_error\n");
	must_be(SOURCE_TEST,
	        "ok 1 - a\n[    9.1] hog invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, "
	        "oom_score_adj=0\n"
	        "[    9.2] Out of memory: Killed process 1204 (hog) "
	        "total-vm:2097152kB\nKilled\nnot ok 2 - b\n",
	        true, "dmesg.invoked_oom-killer:gfp_mask=0x\n");
	/* The next program has errors of its own. */
	must_be(SOURCE_TEST,
	        "[    9.1] demo[123]: segfault at 10 ip 000055d0c2a1b149 sp 00007ffd1e2f3a40 error "
	        "4 in demo[1+2]\n"
	        "Segmentation fault\nnot ok 1 - b\nerror: no such file\nnot ok 2 - c\n",
	        true, "dmesg.demo[#]:segfault_at_ip_sp_error\nstderr.error:no_such_file\n");
}
END_TEST

/* --- What stands in front of a line --- */

static const char *const fronts[] = { "[   10.000001] ", "[   10.000001][    T5] ",
	"2024-01-02T10:00:00.123Z [   10.000001][    T5] ", "2024-01-02T10:00:00Z ", "[00:12:13] ",
	"[00:12:13] [   10.000001] ", "[2024-01-02T10:00:00.123Z] [   10.000001] ",
	"2024-01-02 10:00:00 [   10.000001] ", "[   10.000001] host kernel: ",
	"Jan 02 10:00:00 host kernel: ", "Jan 02 10:00:00 host kernel: [   10.000001] ",
	"[   10.000001]<0> ", "[   10.000001] <0>", "[Tue Jan  2 10:00:00 2024] ",
	"[Tue Jan  2 10:00:00 2024] [    T5] " };
static const char *const report[] = { "BUG: KASAN: slab-use-after-free in memcpy+0x18/0x40",
	"Call Trace:", " <TASK>", " memcpy+0x18/0x40", " drv_a+0x51/0x70 [drv]", " </TASK>",
	"WARNING: CPU: 1 PID: 9 at fs/x.c:28 drv_b+0xba/0x110" };

START_TEST(what_stands_in_front_of_a_line_has_no_part_in_its_id)
{
	for (size_t i = 0; i < sizeof(fronts) / sizeof(*fronts); i++) {
		struct str text = STR_INIT;

		for (size_t j = 0; j < sizeof(report) / sizeof(*report); j++)
			str_addf(&text, "%s%s\n", fronts[i], report[j]);
		must_give(text.buf, "dmesg.BUG:KASAN:slab-use-after-free_in_drv_a\ndmesg.WARNING:"
		                    "at_fs/x.c:#drv_b\n");
		ck_assert_msg(error_source_guess(text.buf, text.len) == SOURCE_DMESG,
		        "%s is taken for another log", text.buf);
		str_release(&text);
	}
}
END_TEST

START_TEST(a_word_that_looks_like_the_front_of_a_line_stays)
{
	must_give("[   10.000001] in the kernel: BUG: bad\n", "dmesg.in_the_kernel:BUG:bad\n");
	must_give("[   10.000001] [00:12:13] BUG: bad\n", "dmesg.[#:#:#]BUG:bad\n");
}
END_TEST

START_TEST(a_byte_order_mark_is_no_part_of_the_first_id)
{
	static const char text[] = "\xef\xbb\xbf"
	                           "BUG: bad\n",
	                  other[] = "\xef\xbb\x80 BUG: bad\n";
	struct extractor *x = NULL;
	const struct found_error *found;

	must_give(text, "dmesg.BUG:bad\n");
	must_be(SOURCE_STDERR, text, false, "stderr.BUG:bad\n");
	must_give(other, "dmesg.\xef\xbb\x80_BUG:bad\n");
	ck_assert(extractor_new(&x, SOURCE_DMESG, "demo", NULL, NULL) == 0);
	for (size_t i = 0; i + 1 < sizeof(text); i++)
		extractor_feed(x, text + i, 1);
	extractor_end(x, 0, 0, false);
	ck_assert_uint_eq(extractor_results(x, &found), 1);
	ck_assert_str_eq(found[0].id, "dmesg.BUG:bad");
	extractor_free(x);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("errorid_kernel");
	TCase *tcase = tcase_create("errorid_kernel");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, a_report_whose_header_names_no_function_has_that_of_its_stack);
	tcase_add_test(tcase, without_a_stack_it_is_called_as_lkp_calls_it);
	tcase_add_test(tcase, locks_that_a_task_holds_and_who_disabled_preemption_are_not_guilty);
	tcase_add_test(tcase, callers_that_write_in_turns_have_their_own_stacks);
	tcase_add_test(
	        tcase, an_object_that_is_debugged_has_the_function_of_its_hint_or_of_its_stack);
	tcase_add_test(tcase, of_an_oops_it_is_the_id_that_names_the_function);
	tcase_add_test(tcase,
	        the_function_of_a_report_and_of_a_warning_goes_before_the_place_it_says_again);
	tcase_add_test(tcase, processors_that_wait_are_not_guilty_of_a_stall);
	tcase_add_test(tcase, what_a_stalled_processor_was_at_is_guilty_of_the_stall);
	tcase_add_test(tcase, what_copies_to_a_user_and_its_bug_are_one_finding);
	tcase_add_test(tcase, a_second_oops_of_another_function_is_another_finding);
	tcase_add_test(tcase, of_a_deadlock_it_is_the_pair_of_locks_whoever_took_them);
	tcase_add_test(tcase, a_panic_that_comes_of_a_hard_lockup_is_of_its_finding);
	tcase_add_test(
	        tcase, what_a_shell_says_of_a_program_that_the_kernel_ended_is_of_one_finding);
	tcase_add_test(tcase, what_stands_in_front_of_a_line_has_no_part_in_its_id);
	tcase_add_test(tcase, a_word_that_looks_like_the_front_of_a_line_stays);
	tcase_add_test(tcase, a_byte_order_mark_is_no_part_of_the_first_id);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
