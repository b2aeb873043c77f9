/* SHA-256 (FIPS 180-4, by OpenSSL EVP) and random names. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define HASH_HEX_LEN 64

struct hash;				/* a running SHA-256 */

struct hash *hash_new(void);
void hash_add(struct hash *h, const void *bytes, size_t len);
/* A field with its length before it, so that ("ab","c") and ("a","bc") differ; NULL differs from "". */
void hash_add_field(struct hash *h, const char *field);
/* Lower-case hex, NUL-terminated; frees h. */
void hash_finish(struct hash *h, char hex[HASH_HEX_LEN + 1]);
void hash_free(struct hash *h);		/* NULL is fine */

void hash_bytes(const void *bytes, size_t len, char hex[HASH_HEX_LEN + 1]);
int hash_file(int fd, char hex[HASH_HEX_LEN + 1], struct error *err);	/* from the start; offset is kept */
bool hash_is_hex(const char *s, size_t len);	/* exactly len characters of [0-9a-f] and then NUL */

/* 2 * bytes lower-case hex digits from getrandom(2); hex has room for them and a NUL. */
void random_hex(char *hex, size_t bytes);

#endif
