#include "base/mem.h"
#include "job/job.h"

#define NAME_MAX_LEN 64
#define CPUS_MAX 8192
#define GIB ((uint64_t)1 << 30)

static const char forms[] =
        "dc-2g (container), vm-2p4g (virtual machine), hw-NAME or NAME-2s64p-256g (machine), "
        "each with --MACHINE for one machine of a group";

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A number of at most 7 digits, which then cannot overflow anything here. */
static bool read_number(const char **at, unsigned *ret)
{
	const char *p = *at;
	unsigned number = 0;

	while (is_digit(*p) && p - *at < 7)
		number = number * 10 + (unsigned)(*p++ - '0');
	if (p == *at || is_digit(*p))
		return false;
	*at = p;
	*ret = number;
	return true;
}

/*
 * One part between dashes as a size: "2p8g", "2p", "8g", "512m", "2s64p" (2 sockets with 64 CPUs in
 * all).  False if it is no size at all; then nothing is set.
 */
static bool read_size(const char *part, size_t len, unsigned *cpus, uint64_t *memory)
{
	const char *p = part, *end = part + len;
	unsigned number, got_cpus = 0;
	uint64_t got_memory = 0;

	while (p < end) {
		if (!read_number(&p, &number) || p >= end)
			return false;
		if (*p == 'p' && !got_cpus && !got_memory)
			got_cpus = number;
		else if (*p == 'g' && !got_memory)
			got_memory = number * GIB;
		else if (*p == 'm' && !got_memory)
			got_memory = number * (GIB >> 10);
		else if (*p != 's' || p + 1 == end || got_cpus || got_memory)
			return false;
		p++;
	}
	if (got_cpus)
		*cpus = got_cpus;
	if (got_memory)
		*memory = got_memory;
	return got_cpus || got_memory;
}

static bool is_name(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > NAME_MAX_LEN || *name == '-' || *name == '.' || name[len - 1] == '-')
		return false;
	return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
	       len;
}

int testbox_parse(const char *name, char ret_kind[8], unsigned *ret_cpus, uint64_t *ret_memory,
        struct error *err)
{
	const char *group_end, *kind = "hw", *part, *dash;
	unsigned cpus = 0, nparts = 0;
	uint64_t memory = 0;
	bool sized = false, all_sized = true;

	if (!is_name(name))
		goto wrong;
	group_end = strstr(name, "--");
	if (!group_end)
		group_end = name + strlen(name);
	else if (group_end[2] == '-' || strstr(group_end + 2, "--"))
		goto wrong;
	part = memchr(name, '-', (size_t)(group_end - name));
	if (!part)
		goto wrong;
	if (part - name == 2 && (memcmp(name, "dc", 2) == 0 || memcmp(name, "vm", 2) == 0))
		kind = *name == 'd' ? "dc" : "vm";

	for (part++; part <= group_end; part = dash + 1) {
		bool is_size;

		dash = memchr(part, '-', (size_t)(group_end - part));
		if (!dash)
			dash = group_end;
		is_size = read_size(part, (size_t)(dash - part), &cpus, &memory);
		sized |= is_size;
		all_sized &= is_size;
		nparts++;
	}
	if (cpus > CPUS_MAX || memory > 65536 * GIB)
		return error_set(err, ERR_INVALID,
		        "testbox \"%s\": at most %d CPUs and 65536 GiB are allowed", name,
		        CPUS_MAX);
	if (*kind != 'h' && (!all_sized || nparts != 1 || !memory || (*kind == 'v' && !cpus)))
		goto wrong;
	if (*kind == 'h' && !str_has_prefix(name, "hw-") && (!sized || !cpus || !memory))
		goto wrong;

	memcpy(ret_kind, kind, 3);
	if (ret_cpus)
		*ret_cpus = cpus;
	if (ret_memory)
		*ret_memory = memory;
	return 0;

wrong:
	return error_set(err, ERR_INVALID, "testbox \"%s\" has no form that is known; allowed: %s",
	        name, forms);
}
