/* gw/chan.h — one end of a SOCK_SEQPACKET pair between two processes, on a
 * loop. Linked into every process.
 *
 * Which message is allowed when is the receiver's table. A message that is
 * not in the table, not allowed in the current state, or that its handler
 * calls wrong, closes the channel: that peer is broken or taken over.
 * Sending never blocks: what the socket does not take is queued, up to a
 * bound; past it the caller is told GW_ERR_BUSY. */
#ifndef GW_CHAN_H
#define GW_CHAN_H

#include "gw/loop.h"
#include "gw/wire.h"

struct gw_chan;

struct gw_msg {
	uint8_t type;   /* enum gw_msg_type, gw/proto.h */
	uint64_t id;    /* the sender's name for the exchange */
	struct gw_rd rd;
	int fd;         /* a passed descriptor or -1; the handler takes it by
			 * setting -1, else it is closed */
};

/* GW_ERR_OK, or anything else to have the channel closed. */
typedef enum gw_err gw_msg_fn(void *ctx, struct gw_msg *m);

struct gw_msg_rule {
	uint8_t type;
	unsigned states; /* set of state bits in which it may come */
	bool wants_fd;   /* must carry a descriptor; others must not */
	gw_msg_fn *fn;
};

struct gw_chan_conf {
	const char *name; /* for the log: "auth", "proxy", … */
	const struct gw_msg_rule *rules;
	size_t rule_count;
	unsigned state;   /* initial state bit */
	size_t queue_max; /* datagrams waiting to be sent */
	void *ctx;
	/* Called once when the peer is gone or broke a rule; GW_ERR_OK for an
	 * orderly end. The channel must be freed by (or after) it. */
	void (*on_close)(void *ctx, enum gw_err why);
};

/* Takes `fd` (made non-blocking), also on GW_ERR_SYSTEM. `conf` is copied,
 * `rules` borrowed. */
GW_MUST_CHECK enum gw_err gw_chan_new(struct gw_loop *l, int fd,
				      const struct gw_chan_conf *conf,
				      struct gw_chan **out);
void gw_chan_free(struct gw_chan *c); /* NULL is fine; from callbacks too */
void gw_chan_set_state(struct gw_chan *c, unsigned state);

/* A writer with room for a whole payload, valid until the next call of
 * gw_chan_begin or gw_chan_send on this thread. */
struct gw_wr *gw_chan_begin(struct gw_chan *c);
/* Bytes that wait for the peer to read: what may be put off is refused before
 * the queue is full. */
size_t gw_chan_queued(const struct gw_chan *c);
/* Sends what was written since gw_chan_begin. `fd` (-1: none) stays the
 * caller's and may be closed after the call. GW_ERR_BUSY: queue full.
 * GW_ERR_PROTO: the payload did not fit. GW_ERR_SYSTEM: peer gone. */
GW_MUST_CHECK enum gw_err gw_chan_send(struct gw_chan *c, uint8_t type,
				       uint64_t id, int fd);

#endif
