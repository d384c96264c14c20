/* wire.c — see gw/wire.h. */
#include "gw/wire.h"
#include "gw/util.h"

#include <string.h>

struct gw_wr
gw_wr_init(uint8_t *buf, size_t cap)
{
	return (struct gw_wr){ .p = buf, .cap = cap };
}

void
gw_wr_raw(struct gw_wr *w, const void *p, size_t len)
{
	if (w->bad || len > w->cap - w->len) {
		w->bad = true;
		return;
	}
	if (len > 0)
		memcpy(w->p + w->len, p, len);
	w->len += len;
}

static void
wr_int(struct gw_wr *w, uint64_t v, size_t size)
{
	uint8_t b[8];

	for (size_t i = 0; i < size; i++)
		b[i] = (uint8_t)(v >> (8 * i));
	gw_wr_raw(w, b, size);
}

void
gw_wr_u8(struct gw_wr *w, uint8_t v)
{
	wr_int(w, v, 1);
}

void
gw_wr_u16(struct gw_wr *w, uint16_t v)
{
	wr_int(w, v, 2);
}

void
gw_wr_u32(struct gw_wr *w, uint32_t v)
{
	wr_int(w, v, 4);
}

void
gw_wr_u64(struct gw_wr *w, uint64_t v)
{
	wr_int(w, v, 8);
}

void
gw_wr_bytes(struct gw_wr *w, const void *p, size_t len)
{
	if (len > GW_MSG_MAX) {
		w->bad = true;
		return;
	}
	gw_wr_u32(w, (uint32_t)len);
	gw_wr_raw(w, p, len);
}

void
gw_wr_str(struct gw_wr *w, const char *s)
{
	gw_wr_bytes(w, s, s != NULL ? strlen(s) : 0);
}

struct gw_rd
gw_rd_init(const uint8_t *p, size_t len)
{
	return (struct gw_rd){ .p = p, .len = len };
}

static const uint8_t *
take(struct gw_rd *r, size_t len)
{
	const uint8_t *p;

	if (r->bad || len > r->len - r->off) {
		r->bad = true;
		return NULL;
	}
	p = r->p + r->off;
	r->off += len;
	return p;
}

static uint64_t
rd_int(struct gw_rd *r, size_t size)
{
	const uint8_t *p = take(r, size);
	uint64_t v = 0;

	if (p == NULL)
		return 0;
	for (size_t i = 0; i < size; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

uint8_t
gw_rd_u8(struct gw_rd *r)
{
	return (uint8_t)rd_int(r, 1);
}

uint16_t
gw_rd_u16(struct gw_rd *r)
{
	return (uint16_t)rd_int(r, 2);
}

uint32_t
gw_rd_u32(struct gw_rd *r)
{
	return (uint32_t)rd_int(r, 4);
}

uint64_t
gw_rd_u64(struct gw_rd *r)
{
	return rd_int(r, 8);
}

void
gw_rd_raw(struct gw_rd *r, void *out, size_t len)
{
	const uint8_t *p = take(r, len);

	if (p != NULL)
		memcpy(out, p, len);
	else
		memset(out, 0, len);
}

const uint8_t *
gw_rd_bytes(struct gw_rd *r, size_t max, size_t *out_len)
{
	size_t len = gw_rd_u32(r);
	const uint8_t *p;

	*out_len = 0;
	if (len > max) {
		r->bad = true;
		return NULL;
	}
	p = take(r, len);
	if (p != NULL)
		*out_len = len;
	return p;
}

void
gw_rd_str(struct gw_rd *r, char *out, size_t cap)
{
	size_t len;
	const uint8_t *p = gw_rd_bytes(r, cap - 1, &len);

	out[0] = '\0';
	if (p == NULL)
		return;
	if (memchr(p, '\0', len) != NULL) {
		r->bad = true;
		return;
	}
	memcpy(out, p, len);
	out[len] = '\0';
}

char *
gw_rd_strdup(struct gw_rd *r, size_t max)
{
	size_t len;
	const uint8_t *p = gw_rd_bytes(r, max, &len);

	if (p == NULL || memchr(p, '\0', len) != NULL) {
		r->bad = true;
		return gw_xstrdup("");
	}
	return gw_xstrndup((const char *)p, len);
}

size_t
gw_rd_count(struct gw_rd *r, size_t max)
{
	size_t n = gw_rd_u32(r);

	if (n > max) {
		r->bad = true;
		return 0;
	}
	return n;
}

bool
gw_rd_done(const struct gw_rd *r)
{
	return !r->bad && r->off == r->len;
}
