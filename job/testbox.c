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

/* Copies the part and cuts it off; false: it is none. */
static bool cut_arch(char *name, char ret[16])
{
	static const char *const arches[] = { "x86_64", "aarch64" };

	for (size_t i = 0; i < sizeof(arches) / sizeof(*arches); i++) {
		size_t len = strlen(name), arch_len = strlen(arches[i]);

		if (len <= arch_len + 1 || name[len - arch_len - 1] != '.' || !str_has_suffix(name, arches[i]))
			continue;
		memcpy(ret, arches[i], arch_len + 1);
		name[len - arch_len - 1] = '\0';
		return true;
	}
	return false;
}

/* "--a61", and ".host-3" of containers and virtual machines (a dot is a letter of other names). */
static bool cut_machine(char *name, char ret[65])
{
	char *machine = strstr(name, "--"), *instance = strchr(name, '.');
	bool runs = str_has_prefix(name, "dc-") || str_has_prefix(name, "vm-");

	/* "vm-2p8g.taishan200-2280-2s64p-256g--a61-3": the machine has a name of that form itself. */
	if (runs && instance && (!machine || instance < machine))
		machine = NULL;
	if (machine && (machine[2] == '-' || machine[2] == '\0' || strstr(machine + 2, "--")))
		return false;
	if (!machine && runs && instance) {
		if (!instance[1] || !strchr(instance, '-'))
			return false;
		machine = instance;
	}
	if (!machine)
		return true;
	memcpy(ret, machine + (*machine == '-' ? 2 : 1), strlen(machine + (*machine == '-' ? 2 : 1)) + 1);
	*machine = '\0';
	return true;
}

/* The group's name: kind, and sizes in the parts between dashes.  False: it has no form that is known. */
static bool read_group(struct testbox *box)
{
	const char *name = box->group, *end = name + strlen(name), *part = strchr(name, '-'), *dash;
	bool sized = false, all_sized = true;
	unsigned nparts = 0;

	if (!part)
		return false;
	memcpy(box->kind, "hw", 3);
	if (part - name == 2 && (memcmp(name, "dc", 2) == 0 || memcmp(name, "vm", 2) == 0))
		memcpy(box->kind, name, 2);
	for (part++; part <= end; part = dash + 1) {
		bool is_size;

		dash = strchrnul(part, '-');
		is_size = read_size(part, (size_t)(dash - part), &box->cpus, &box->memory);
		sized |= is_size;
		all_sized &= is_size;
		nparts++;
	}
	if (*box->kind != 'h')
		return all_sized && nparts == 1 && box->memory && (*box->kind != 'v' || box->cpus);
	return str_has_prefix(name, "hw-") || (sized && box->cpus && box->memory);
}

/* It could be a machine's, and is not meant to be a container's or virtual machine's. */
static bool is_plain_name(const char *name)
{
	return is_name(name) && strlen(name) <= NAME_MAX_LEN - 3 && !str_has_prefix(name, "dc") && !str_has_prefix(name, "vm") &&
	       !strstr(name, "--");
}

int testbox_read(struct testbox *ret, const char *name, struct error *err)
{
	struct testbox box = { 0 };

	if (!is_name(name))
		goto wrong;
	memcpy(box.group, name, strlen(name) + 1);
	cut_arch(box.group, box.arch);
	if (!cut_machine(box.group, box.machine) || !is_name(box.group) || !read_group(&box))
		goto wrong;
	if (box.cpus > CPUS_MAX || box.memory > 65536 * GIB)
		return error_set(err, ERR_INVALID,
		        "testbox \"%s\": at most %d CPUs and 65536 GiB are allowed", name,
		        CPUS_MAX);
	*ret = box;
	return 0;

wrong:
	/* Labs name their machines as they like. */
	return error_set(err, ERR_INVALID, "testbox \"%s\", which has no known form; allowed: %s%s%s", name, forms,
	        is_plain_name(name) ? "; the machine of that name is hw-" : "", is_plain_name(name) ? name : "");
}

int testbox_parse(const char *name, char ret_kind[8], unsigned *ret_cpus, uint64_t *ret_memory,
        struct error *err)
{
	struct testbox box;
	int rc = testbox_read(&box, name, err);

	if (rc < 0)
		return rc;
	memcpy(ret_kind, box.kind, sizeof(box.kind));
	if (ret_cpus)
		*ret_cpus = box.cpus;
	if (ret_memory)
		*ret_memory = box.memory;
	return 0;
}
