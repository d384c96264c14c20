/* gw/wire.h — the bytes of a message: a writer and a sticky reader. Linked
 * into every process. Integers are little endian; both ends are one machine,
 * one release.
 *
 * A reader that meets a short, long or over-limit field turns bad, and stays
 * so: every later read yields zero. The caller asks once, at the end, with
 * gw_rd_done(), which is false too when bytes are left over. */
#ifndef GW_WIRE_H
#define GW_WIRE_H

#include "gw/compiler.h"

#define GW_MSG_MAX     65536 /* one datagram, header included */
#define GW_MSG_HEADER  16
#define GW_PAYLOAD_MAX (GW_MSG_MAX - GW_MSG_HEADER)

struct gw_wr {
	uint8_t *p;
	size_t cap, len;
	bool bad; /* something did not fit */
};

struct gw_wr gw_wr_init(uint8_t *buf, size_t cap);
void gw_wr_u8(struct gw_wr *w, uint8_t v);
void gw_wr_u16(struct gw_wr *w, uint16_t v);
void gw_wr_u32(struct gw_wr *w, uint32_t v);
void gw_wr_u64(struct gw_wr *w, uint64_t v);
void gw_wr_raw(struct gw_wr *w, const void *p, size_t len); /* no length */
void gw_wr_bytes(struct gw_wr *w, const void *p, size_t len);
void gw_wr_str(struct gw_wr *w, const char *s); /* NULL as "" */

struct gw_rd {
	const uint8_t *p;
	size_t len, off;
	bool bad;
};

struct gw_rd gw_rd_init(const uint8_t *p, size_t len);
uint8_t  gw_rd_u8(struct gw_rd *r);
uint16_t gw_rd_u16(struct gw_rd *r);
uint32_t gw_rd_u32(struct gw_rd *r);
uint64_t gw_rd_u64(struct gw_rd *r);
void     gw_rd_raw(struct gw_rd *r, void *out, size_t len);
/* Borrowed from the message; NULL and bad when longer than `max`. */
const uint8_t *gw_rd_bytes(struct gw_rd *r, size_t max, size_t *out_len);
/* Into a fixed array with NUL; bad when too long or holding a NUL. */
void gw_rd_str(struct gw_rd *r, char *out, size_t cap);
/* Heap copy, never NULL (empty when bad); at most `max` bytes. */
char *gw_rd_strdup(struct gw_rd *r, size_t max) GW_MUST_CHECK;
/* A count that must be <= max, else bad and 0. */
size_t gw_rd_count(struct gw_rd *r, size_t max);
bool gw_rd_done(const struct gw_rd *r) GW_MUST_CHECK;

#endif
