/* heap.c — see heap.h. */
#include "heap.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>

/* What both kinds of a record's buffer fit into (16,476 and 16,716 bytes in
 * OpenSSL 3.0), and how many of them a thread keeps. */
#define RECORD_MIN  16385
#define RECORD_SIZE 16896
#define SPARE_MAX   32

static _Atomic unsigned large;
static _Thread_local struct {
	void *at[SPARE_MAX];
	unsigned count;
} spare;

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
record(void)
{
	return spare.count > 0 ? spare.at[--spare.count] : malloc(RECORD_SIZE);
}

static void *
on_malloc(size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	if (n < RECORD_MIN) /* never large, whatever the allocator adds */
		return malloc(n);
	return n <= RECORD_SIZE ? record() : counted(malloc(n));
}

static void
on_free(void *p, const char *file, int line)
{
	size_t had = p != NULL ? malloc_usable_size(p) : 0;

	(void)file;
	(void)line;
	if (is_large(had))
		give_large();
	/* whatever it was, it will do: the allocator rounds up a little */
	if (had >= RECORD_SIZE && had < RECORD_SIZE + 256 &&
	    spare.count < SPARE_MAX)
		spare.at[spare.count++] = p;
	else
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

void
gw_heap_clear(void)
{
	while (spare.count > 0)
		free(spare.at[--spare.count]);
}

bool
gw_heap_init(void)
{
	return CRYPTO_set_mem_functions(on_malloc, on_realloc, on_free) == 1;
}
