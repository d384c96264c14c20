/* heap.c — see heap.h. */
#include "heap.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>

static _Atomic unsigned large;

static bool
is_large(size_t n)
{
	return n > GW_HEAP_LARGE;
}

static bool
take_large(void)
{
	if (atomic_fetch_add_explicit(&large, 1, memory_order_relaxed) <
	    GW_HEAP_LARGE_MAX)
		return true;
	atomic_fetch_sub_explicit(&large, 1, memory_order_relaxed);
	return false;
}

static void
give_large(void)
{
	atomic_fetch_sub_explicit(&large, 1, memory_order_relaxed);
}

/* By what the allocator made of it, which is what free() will know. */
static void *
counted(void *p)
{
	if (p == NULL || !is_large(malloc_usable_size(p)) || take_large())
		return p;
	free(p);
	return NULL;
}

static void *
on_malloc(size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return counted(malloc(n));
}

static void
on_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	if (p != NULL && is_large(malloc_usable_size(p)))
		give_large();
	free(p);
}

/* By hand, so that there is one place that counts. */
static void *
on_realloc(void *p, size_t n, const char *file, int line)
{
	size_t had = p != NULL ? malloc_usable_size(p) : 0;
	void *q;

	if (n == 0) {
		on_free(p, file, line);
		return NULL;
	}
	if (n <= had && !is_large(had))
		return p;
	q = on_malloc(n, file, line);
	if (q == NULL)
		return NULL;
	if (p != NULL)
		memcpy(q, p, had < n ? had : n);
	on_free(p, file, line);
	return q;
}

bool
gw_heap_init(void)
{
	return CRYPTO_set_mem_functions(on_malloc, on_realloc, on_free) == 1;
}
