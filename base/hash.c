#include "base/hash.h"

#include <errno.h>
#include <stdint.h>
#include <sys/random.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "base/mem.h"

struct hash {
	EVP_MD_CTX *context;
};

/* OpenSSL's SHA-256 fails only without memory, or where its installation is broken. */
static void must(int ok)
{
	if (!ok)
		abort();
}

static void to_hex(char *hex, const unsigned char *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < len; i++) {
		hex[2 * i] = digits[bytes[i] >> 4];
		hex[2 * i + 1] = digits[bytes[i] & 15];
	}
	hex[2 * len] = '\0';
}

struct hash *hash_new(void)
{
	struct hash *h = mem_alloc(sizeof(*h));

	h->context = EVP_MD_CTX_new();
	must(h->context != NULL);
	must(EVP_DigestInit_ex(h->context, EVP_sha256(), NULL));
	return h;
}

void hash_add(struct hash *h, const void *bytes, size_t len)
{
	must(EVP_DigestUpdate(h->context, bytes, len));
}

void hash_add_field(struct hash *h, const char *field)
{
	/* One byte for "is there", then the length, little endian whatever the machine. */
	unsigned char head[9] = { field != NULL };
	uint64_t len = field ? strlen(field) : 0;
	size_t i;

	for (i = 0; i < 8; i++)
		head[1 + i] = (unsigned char)(len >> (8 * i));
	hash_add(h, head, sizeof(head));
	if (len)
		hash_add(h, field, len);
}

void hash_finish(struct hash *h, char hex[HASH_HEX_LEN + 1])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	must(EVP_DigestFinal_ex(h->context, digest, &len));
	must(len == HASH_HEX_LEN / 2);
	to_hex(hex, digest, len);
	hash_free(h);
}

void hash_free(struct hash *h)
{
	if (!h)
		return;
	EVP_MD_CTX_free(h->context);
	free(h);
}

void hash_bytes(const void *bytes, size_t len, char hex[HASH_HEX_LEN + 1])
{
	struct hash *h = hash_new();

	hash_add(h, bytes, len);
	hash_finish(h, hex);
}

int hash_file(int fd, char hex[HASH_HEX_LEN + 1], struct error *err)
{
	enum { PIECE = 1 << 17 };
	char *piece = mem_alloc(PIECE);
	struct hash *h = hash_new();
	off_t at = 0;
	int ret = 0;

	for (;;) {
		ssize_t n = pread(fd, piece, PIECE, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			ret = error_errno(err, errno, "cannot read the file to hash");
			break;
		}
		if (n == 0)
			break;
		hash_add(h, piece, (size_t)n);
		at += n;
	}
	if (ret == 0)
		hash_finish(h, hex);
	else
		hash_free(h);
	free(piece);
	return ret;
}

bool hash_is_hex(const char *s, size_t len)
{
	return strspn(s, "0123456789abcdef") == len && s[len] == '\0';
}

void random_hex(char *hex, size_t bytes)
{
	unsigned char piece[64];

	*hex = '\0';
	while (bytes) {
		size_t want = bytes < sizeof(piece) ? bytes : sizeof(piece);
		ssize_t n = getrandom(piece, want, 0);

		if (n < 0 && errno != EINTR)
			abort();
		if (n <= 0)
			continue;
		to_hex(hex, piece, (size_t)n);
		hex += 2 * n;
		bytes -= (size_t)n;
	}
}
