/* testcert_files.c — PEM, DER and bundles from files. */
#include "testcert.h"
#include "gw/util.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define FIRST_READ 65536

static bool
unusable(const char *path, const char *what)
{
	fprintf(stderr, "gwctl test-cert: %s: %s\n", path, what);
	return false;
}

void
gw_blob_clear(struct gw_blob *b)
{
	free(b->p);
	*b = (struct gw_blob){ .p = NULL };
}

bool
gw_test_read(const char *path, struct gw_blob *out)
{
	FILE *f = fopen(path, "rb");
	struct gw_blob b = { .p = NULL };
	size_t cap = FIRST_READ, n;
	bool is_good;

	if (f == NULL)
		return unusable(path, strerror(errno));
	b.p = gw_xcalloc(cap, 1);
	while ((n = fread(b.p + b.len, 1, cap - b.len, f)) > 0 &&
	       b.len + n < GW_TESTCERT_FILE_MAX) {
		b.len += n;
		if (b.len == cap)
			b.p = gw_xrealloc(b.p, cap *= 2, 1);
	}
	is_good = ferror(f) == 0 && n == 0;
	(void)fclose(f);
	if (!is_good) {
		gw_blob_clear(&b);
		return unusable(path, "too large or unreadable");
	}
	*out = b;
	return true;
}

static bool
is_listed(const char *const *types, const char *name)
{
	for (; *types != NULL; types++)
		if (strcmp(*types, name) == 0)
			return true;
	return false;
}

static size_t
pem_blocks(const struct gw_blob *b, const char *const *types,
	   gw_test_block_fn *fn, void *arg)
{
	gw_auto(BIO_free_all) BIO *bio = BIO_new_mem_buf(b->p, (int)b->len);
	char *name, *header;
	uint8_t *der;
	size_t n = 0;
	long len;

	while (bio != NULL &&
	       PEM_read_bio(bio, &name, &header, &der, &len) == 1) {
		if (is_listed(types, name)) {
			fn(arg, (struct gw_der){ der, (size_t)len });
			n++;
		}
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_free(der);
	}
	ERR_clear_error();
	return n;
}

bool
gw_test_blocks(const char *path, const struct gw_blob *b,
	       const char *const *types, gw_test_block_fn *fn, void *arg)
{
	static const char mark[] = "-----BEGIN ";

	if (b->p[0] == 0x30 &&
	    memmem(b->p, GW_MIN(b->len, 64), mark, sizeof(mark) - 1) == NULL) {
		fn(arg, (struct gw_der){ b->p, b->len });
		return true;
	}
	return pem_blocks(b, types, fn, arg) > 0 ||
	       unusable(path, "neither DER nor a PEM block of its kind");
}
