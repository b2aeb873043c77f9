/* Names of testboxes. */
#include <check.h>

#include "job/job.h"

START_TEST(a_testbox_is_of_a_group_a_machine_and_an_architecture)
{
	static const struct {
		const char *name, *group, *machine, *arch;
	} boxes[] = {
		{ "dc-2g", "dc-2g", "", "" },
		{ "vm-2p8g.host-3", "vm-2p8g", "host-3", "" },
		{ "vm-2p8g.aarch64", "vm-2p8g", "", "aarch64" },
		{ "vm-2p8g.my.host-12.x86_64", "vm-2p8g", "my.host-12", "x86_64" },
		{ "taishan200-2280-2s64p-256g--a61", "taishan200-2280-2s64p-256g", "a61", "" },
		{ "vm-2p8g.taishan200-2280-2s64p-256g--a61-3", "vm-2p8g", "taishan200-2280-2s64p-256g--a61-3", "" },
		{ "vm-2p8g--a61", "vm-2p8g", "a61", "" },
		{ "taishan200-2280-2s64p-256g--a61.aarch64", "taishan200-2280-2s64p-256g", "a61", "aarch64" },
		{ "hw-a.b", "hw-a.b", "", "" },
	};

	for (size_t i = 0; i < sizeof(boxes) / sizeof(boxes[0]); i++) {
		struct error err = ERROR_INIT;
		struct testbox box;

		ck_assert_msg(testbox_read(&box, boxes[i].name, &err) == 0, "%s", err.text);
		ck_assert_str_eq(box.group, boxes[i].group);
		ck_assert_str_eq(box.machine, boxes[i].machine);
		ck_assert_str_eq(box.arch, boxes[i].arch);
	}
}
END_TEST

START_TEST(testboxes_have_a_kind_and_a_size)
{
	static const struct {
		const char *name, *kind;
		unsigned cpus;
		unsigned mib;
	} boxes[] = {
		{ "dc-2g", "dc", 0, 2048 },
		{ "dc-512m", "dc", 0, 512 },
		{ "dc-4p8g", "dc", 4, 8192 },
		{ "vm-2p8g", "vm", 2, 8192 },
		{ "vm-2p8g--b1", "vm", 2, 8192 },
		{ "taishan200-2280-2s64p-256g", "hw", 64, 262144 },
		{ "taishan200-2280-2s64p-256g--a61", "hw", 64, 262144 },
		{ "hw-desk", "hw", 0, 0 },
		{ "hw-8p16g", "hw", 8, 16384 },
		{ "vm-2p8g.host-3", "vm", 2, 8192 },
		{ "dc-8g.aarch64", "dc", 0, 8192 },
		{ "hw-a.b", "hw", 0, 0 },
	};
	static const char *const wrong[] = {
		"",
		"dc",
		"dc-",
		"dc-2",
		"dc-2x",
		"vm-2g",
		"vm-2p",
		"vm-p8g",
		"vm-2p8g-x",
		"-dc-2g",
		"dc-2g--",
		"dc-2g--a--b",
		"dc-2g---a",
		"big",
		"lkp-ivb-d02",
		"dc-2g/../x",
		"dc-99999999g",
		"dc-9999999g",
		"vm-9999999p1g",
		"dc-2g\nx",
		"dc-0g",
		"vm-0p1g",
		"dc 2g",
		"vm-2s8g",
		"vm-8g2p",
		"vm-2p8g.",
		"vm-2p8g.x",
		"vm-2p8g.riscv",
		".aarch64",
	};
	uint64_t memory;
	unsigned cpus;
	char kind[8];

	for (size_t i = 0; i < sizeof(boxes) / sizeof(boxes[0]); i++) {
		struct error err = ERROR_INIT;

		ck_assert_msg(testbox_parse(boxes[i].name, kind, &cpus, &memory, &err) == 0, "%s",
		        err.text);
		ck_assert_str_eq(kind, boxes[i].kind);
		ck_assert_uint_eq(cpus, boxes[i].cpus);
		ck_assert_uint_eq(memory, (uint64_t)boxes[i].mib << 20);
		ck_assert_int_eq(testbox_parse(boxes[i].name, kind, NULL, NULL, NULL), 0);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_msg(testbox_parse(wrong[i], kind, &cpus, &memory, NULL) == -ERR_INVALID,
		        "%s", wrong[i]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("testbox");
	TCase *tcase = tcase_create("testbox");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, a_testbox_is_of_a_group_a_machine_and_an_architecture);
	tcase_add_test(tcase, testboxes_have_a_kind_and_a_size);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
