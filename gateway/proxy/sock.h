/* sock.h — a stream socket on an edge-triggered loop. gwd-proxy only.
 *
 * Registered once, for everything; what epoll says is remembered, and a
 * socket known to be dry or full is not asked again before the next edge. A
 * short read or write means dry or full, too (epoll(7)), unless the peer has
 * hung up: then it is read until the end. */
#ifndef GW_PROXY_SOCK_H
#define GW_PROXY_SOCK_H

#include <sys/types.h>
#include "gw/loop.h"

#define GW_SOCK_ANY UINT16_MAX /* bytes_left: no bound */

struct gw_sock {
	struct gw_io io; /* first: events come with its address */
	bool can_read, can_write;
	bool has_hup : 1;   /* the peer will send no more */
	bool is_broken : 1; /* error or reset */
	bool is_torn : 1;   /* a reset was met: what was read is not all */
	bool has_ended : 1; /* all that the peer said has been read */
	bool has_more : 1;  /* the next write comes at once: the kernel may
			     * wait for it before it sends this one's end */
	bool must_ask : 1;  /* tls.c: OpenSSL, though nothing has come */
	/* counted down by tls.c */
	uint16_t records_left; /* without data, of the connection */
	uint16_t bytes_left;   /* of the turn, or GW_SOCK_ANY */
};

/* What became of moving bytes, or of making a connection. */
enum gw_xfer {
	GW_XFER_OK,
	GW_XFER_AGAIN,  /* not now: an event will tell */
	GW_XFER_EOF,    /* orderly end */
	GW_XFER_BROKEN,
};

/* Registers `fd`, which gw_sock_close() closes. GW_ERR_SYSTEM: it could not be
 * registered; s->io.fd is `fd` all the same. */
GW_MUST_CHECK enum gw_err gw_sock_add(struct gw_loop *l, struct gw_sock *s,
				      int fd,
				      void (*fn)(struct gw_io *, uint32_t));
/* Remembers what an event says. */
void gw_sock_note(struct gw_sock *s, uint32_t events);
/* One call of the kernel at most; `*out_n` is set with OK only, and not 0. */
enum gw_xfer gw_sock_read(struct gw_sock *s, void *buf, size_t len,
			  size_t *out_n);
enum gw_xfer gw_sock_write(struct gw_sock *s, const void *buf, size_t len,
			   size_t *out_n);
/* Bytes written that the peer's kernel has yet to acknowledge. */
uint32_t gw_sock_queued(const struct gw_sock *s);
/* Twice is no harm. Nothing can be read or written after it. */
void gw_sock_close(struct gw_loop *l, struct gw_sock *s);

#endif
