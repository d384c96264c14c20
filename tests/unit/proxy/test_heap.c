/* test_heap.c — what OpenSSL allocates: bounded, and records' buffers kept. */
#include "heap.h"

#include <criterion/criterion.h>
#include <malloc.h>
#include <string.h>
#include <openssl/crypto.h>

/* Of OpenSSL 3.0: for a record to be written, and for one to be read. */
#define WRITTEN 16476
#define READ    16716

static bool is_ours;

/* Criterion uses libcrypto, too, from main() on. */
__attribute__((constructor)) static void
init_early(void)
{
	is_ours = gw_heap_init();
}

static void
init(void)
{
	cr_assert(is_ours);
}

TestSuite(heap, .init = init);

Test(heap, too_many_large)
{
	static void *p[GW_HEAP_LARGE_MAX];

	for (size_t i = 0; i < GW_HEAP_LARGE_MAX; i++)
		cr_assert((p[i] = OPENSSL_malloc(GW_HEAP_LARGE + 1)) != NULL);
	cr_assert(OPENSSL_malloc(GW_HEAP_LARGE + 1) == NULL);
	cr_assert(OPENSSL_realloc(NULL, GW_HEAP_LARGE + 1) == NULL);
	OPENSSL_free(p[0]);
	p[0] = OPENSSL_malloc(GW_HEAP_LARGE + 1);
	cr_assert(p[0] != NULL);
	for (size_t i = 0; i < GW_HEAP_LARGE_MAX; i++)
		OPENSSL_free(p[i]);
}

/* Whatever a piece was, one that is too small never comes of it. */
Test(heap, never_too_small)
{
	static const size_t sizes[] = { 1, 16000, 16384, 16385, WRITTEN, READ,
					16896, 16897, 17000, 17152, 20000 };
	const size_t count = sizeof(sizes) / sizeof(*sizes);
	void *p;

	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < count; j++) {
			p = OPENSSL_malloc(sizes[i]);
			memset(p, 'x', sizes[i]);
			OPENSSL_free(p);
			p = OPENSSL_malloc(sizes[j]);
			cr_assert_geq(malloc_usable_size(p), sizes[j]);
			memset(p, 'x', sizes[j]);
			OPENSSL_free(p);
		}
	gw_heap_clear();
}

Test(heap, records_are_kept)
{
	void *a = OPENSSL_malloc(WRITTEN), *b = OPENSSL_malloc(READ), *c;

	OPENSSL_free(a);
	cr_assert_eq(c = OPENSSL_malloc(READ), a, "another");
	OPENSSL_free(b);
	OPENSSL_free(c);
	cr_assert_eq(a = OPENSSL_malloc(WRITTEN), c, "not the last");
	OPENSSL_free(a);
	gw_heap_clear();
	gw_heap_clear();
}

/* No more than a few: the rest goes back. */
Test(heap, records_are_bounded)
{
	void *p[100];
	size_t before, after;

	gw_heap_clear();
	before = mallinfo2().uordblks;
	for (int i = 0; i < 100; i++)
		p[i] = OPENSSL_malloc(READ);
	for (int i = 0; i < 100; i++)
		OPENSSL_free(p[i]);
	after = mallinfo2().uordblks;
	cr_assert_leq(after - before, (size_t)700000);
	gw_heap_clear();
	cr_assert_leq(mallinfo2().uordblks, before);
}
