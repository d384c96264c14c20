/* rig_peer.h — one connection of the rig's upstream, and what can be asked for
 * on it: what rig_upstream.c, rig_plain.c and rig_switched.c share. Blocking
 * and simple: what it does wrong, it does on purpose. */
#ifndef GW_TEST_RIG_PEER_H
#define GW_TEST_RIG_PEER_H

#include "rig.h"

struct peer {
	int fd;           /* -1: closed on purpose */
	unsigned number;  /* of the request on this connection */
	char *buf;        /* read, not used yet */
	size_t len;
	char *head;       /* the present request's */
};

/* False when the connection is over, here and below. */
bool peer_send(int fd, const void *p, size_t len);
bool peer_say(struct peer *p, const char *text);
/* Bytes `from` and on of the pattern that rig_byte() has. */
bool peer_send_bytes(struct peer *p, size_t from, size_t n);
/* An answer of 200 with that body. */
bool peer_give_text(struct peer *p, const char *text);

/* Reads on; false, too, when there is no more room. */
bool peer_more(struct peer *p);
void peer_drop(struct peer *p, size_t n);
/* A field's value, to the head's end; NULL when there is none. */
const char *peer_field(struct peer *p, const char *name);

struct upload {
	uint64_t len;
	bool is_right; /* every byte as rig_byte() has it */
};
void upload_count(struct upload *u, const char *data, size_t n);

/* For rig_heard(). */
void peer_tell(size_t n);
/* Waits for rig_let(). */
void peer_await_let(void);

/* ---- what a path brings about; `arg` is the rest of the path. False: the
 * connection is over */

struct rig_path {
	const char *path;
	bool (*fn)(struct peer *p, const char *arg);
};
/* Of two that fit, the first; ended by NULL. */
extern const struct rig_path rig_plain_paths[], rig_switched_paths[];

#endif
