/* mail.h — what the control thread and the workers tell each other: a locked
 * list and a wake. gwd-proxy only. Never on the way of a request. */
#ifndef GW_PROXY_MAIL_H
#define GW_PROXY_MAIL_H

#include <pthread.h>
#include "counters.h"
#include "gw/loop.h"
#include "gw/proto.h"

enum gw_mail_kind {
	/* to a worker */
	GW_MAIL_LINK,     /* fd: a new link to gwd-auth */
	GW_MAIL_LISTENER, /* fd, index: a listening socket */
	GW_MAIL_END,      /* session: close its connections */
	GW_MAIL_STATUS,   /* ask */
	GW_MAIL_CA_NAMES, /* names: offered to clients from now on */
	GW_MAIL_TLS,      /* index, tls: for handshakes from now on */
	GW_MAIL_STOP,
	/* to the control thread */
	GW_MAIL_COUNTED,  /* ask, counters (heap) */
	GW_MAIL_STOPPED,
};

struct gw_mail {
	struct gw_mail *next;
	enum gw_mail_kind kind;
	int fd;           /* owned; -1: none */
	size_t index;
	uint64_t ask;
	uint8_t session[GW_SESSION_ID];
	struct gw_counters *counters;
	struct ssl_ctx_st *tls; /* owned */
	uint8_t *names;   /* owned: DER, one after the other */
	size_t names_len;
};

struct gw_mailbox {
	pthread_mutex_t lock;
	struct gw_mail *first, **end;
};

void gw_mailbox_init(struct gw_mailbox *b);
/* Frees what was never read. */
void gw_mailbox_clear(struct gw_mailbox *b);
/* Copies `m` to the heap, taking what it owns, and wakes `l`. */
void gw_mailbox_post(struct gw_mailbox *b, struct gw_loop *l,
		     const struct gw_mail *m);
/* All there is, oldest first; each is freed with gw_mail_free(). */
struct gw_mail *gw_mailbox_take(struct gw_mailbox *b);
/* With what it still owns. */
void gw_mail_free(struct gw_mail *m);

#endif
