/* buf.c — see buf.h. */
#include "buf.h"
#include "gw/util.h"

#include <string.h>

/* What a busy thread keeps at hand: 4 MiB, and as much again. */
static const struct { uint32_t size, keep; } kinds[] = {
	{ GW_BUF_STD, 256 },
	{ GW_BUF_BULK, 60 },
};

/* The smallest that holds `size`; GW_COUNT(kinds): none does. */
static size_t
kind_for(size_t size)
{
	size_t k = 0;

	while (k < GW_COUNT(kinds) && size > kinds[k].size)
		k++;
	return k;
}

static struct gw_buf *
make(size_t size)
{
	struct gw_buf *b = gw_xrealloc(NULL, 1, sizeof(*b) + size);

	b->cap = (uint32_t)size;
	return b;
}

struct gw_buf *
gw_buf_get(struct gw_buf_pool *p, size_t size)
{
	size_t k = kind_for(size);
	struct gw_buf *b;

	gw_assert(size <= UINT32_MAX / 2);
	if (k == GW_COUNT(kinds)) {
		b = make(size);
	} else if (p->free[k] == NULL) {
		b = make(kinds[k].size);
	} else {
		b = p->free[k];
		p->free[k] = b->next;
		p->free_count[k]--;
	}
	b->next = NULL;
	b->off = b->end = 0;
	return b;
}

void
gw_buf_put(struct gw_buf_pool *p, struct gw_buf **bp)
{
	struct gw_buf *b = *bp;
	size_t k;

	if (b == NULL)
		return;
	*bp = NULL;
	k = kind_for(b->cap);
	if (k == GW_COUNT(kinds) || p->free_count[k] >= kinds[k].keep) {
		free(b);
		return;
	}
	b->next = p->free[k];
	p->free[k] = b;
	p->free_count[k]++;
}

void
gw_buf_compact(struct gw_buf *b)
{
	size_t used = gw_buf_used(b);

	if (b->off == 0)
		return;
	memmove(b->data, b->data + b->off, used);
	b->off = 0;
	b->end = (uint32_t)used;
}

void
gw_buf_append(struct gw_buf *b, const void *p, size_t len)
{
	gw_assert(len <= gw_buf_room(b));
	if (len > 0)
		memcpy(gw_buf_tail(b), p, len);
	b->end += (uint32_t)len;
}

void
gw_buf_grow(struct gw_buf_pool *p, struct gw_buf **bp, size_t size)
{
	struct gw_buf *old = *bp, *b;

	gw_buf_compact(old);
	if (old->cap >= size)
		return;
	b = gw_buf_get(p, size);
	gw_buf_append(b, old->data, old->end);
	gw_buf_put(p, bp);
	*bp = b;
}

void
gw_buf_pool_clear(struct gw_buf_pool *p)
{
	struct gw_buf *b;

	for (size_t k = 0; k < GW_COUNT(kinds); k++) {
		while ((b = p->free[k]) != NULL) {
			p->free[k] = b->next;
			free(b);
		}
		p->free_count[k] = 0;
	}
}
