/* buf.h — byte buffers from a free list per thread. gwd-proxy only.
 *
 * Whoever has bytes in flight holds a buffer; whoever has none holds none:
 * that is what keeps idle connections and tunnels small. Content is
 * [off, end); what was taken stays readable until the buffer is rewound, so
 * that a request can be sent once more. Not thread safe. */
#ifndef GW_PROXY_BUF_H
#define GW_PROXY_BUF_H

#include "gw/compiler.h"

/* What a turn needs: a head, or one full TLS record. */
#define GW_BUF_STD  16384u
/* Where much may flow: four records and what comes before them by one receive
 * and one send, which cost as much for a few bytes. */
#define GW_BUF_BULK 69632u

struct gw_buf {
	struct gw_buf *next; /* in the free list */
	uint32_t cap, off, end;
	char data[];
};

/* One list for each of the two sizes. */
struct gw_buf_pool {
	struct gw_buf *free[2];
	size_t free_count[2];
};

/* At least `size` bytes of room. Sizes over GW_BUF_BULK come from malloc and
 * go back there. Never NULL. */
struct gw_buf *gw_buf_get(struct gw_buf_pool *p, size_t size);
/* Gives back and sets to NULL; NULL inside is fine. */
void gw_buf_put(struct gw_buf_pool *p, struct gw_buf **b);
/* Makes room for `size` bytes in all, moving the content if need be. */
void gw_buf_grow(struct gw_buf_pool *p, struct gw_buf **b, size_t size);
void gw_buf_pool_clear(struct gw_buf_pool *p);

/* The content moves to the front. */
void gw_buf_compact(struct gw_buf *b);
void gw_buf_append(struct gw_buf *b, const void *p, size_t len);

static inline size_t
gw_buf_used(const struct gw_buf *b)
{
	return b != NULL ? b->end - b->off : 0;
}

static inline size_t
gw_buf_room(const struct gw_buf *b)
{
	return b->cap - b->end;
}

static inline char *
gw_buf_head(struct gw_buf *b)
{
	return b->data + b->off;
}

static inline char *
gw_buf_tail(struct gw_buf *b)
{
	return b->data + b->end;
}

static inline void
gw_buf_take(struct gw_buf *b, size_t n)
{
	b->off += (uint32_t)n;
}

static inline void
gw_buf_added(struct gw_buf *b, size_t n)
{
	b->end += (uint32_t)n;
}

/* Back to the start when there is nothing in it. */
static inline void
gw_buf_rewind(struct gw_buf *b)
{
	if (b->off == b->end)
		b->off = b->end = 0;
}

#endif
