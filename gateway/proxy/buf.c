/* buf.c — see buf.h. */
#include "buf.h"
#include "gw/util.h"

#include <string.h>

/* What a busy thread keeps at hand: 4 MiB. */
#define FREE_MAX 256

struct gw_buf *
gw_buf_get(struct gw_buf_pool *p, size_t size)
{
	struct gw_buf *b = p->free;

	gw_assert(size <= UINT32_MAX / 2);
	if (size > GW_BUF_STD || b == NULL) {
		if (size < GW_BUF_STD)
			size = GW_BUF_STD;
		b = gw_xrealloc(NULL, 1, sizeof(*b) + size);
		b->cap = (uint32_t)size;
	} else {
		p->free = b->next;
		p->free_count--;
	}
	b->next = NULL;
	b->off = b->end = 0;
	return b;
}

void
gw_buf_put(struct gw_buf_pool *p, struct gw_buf **bp)
{
	struct gw_buf *b = *bp;

	if (b == NULL)
		return;
	*bp = NULL;
	if (b->cap != GW_BUF_STD || p->free_count >= FREE_MAX) {
		free(b);
		return;
	}
	b->next = p->free;
	p->free = b;
	p->free_count++;
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

	while ((b = p->free) != NULL) {
		p->free = b->next;
		free(b);
	}
	p->free_count = 0;
}
