/* back_priv.h — what back.c, which listens and hears, and back_play.c, which
 * plays scripts, share. */
#ifndef E2E_BACK_PRIV_H
#define E2E_BACK_PRIV_H

#include "back.h"

#include <pthread.h>

#define CONNS_MAX  2048
#define HEARD_MAX  (1 << 20) /* of what came; the rest is only counted */
#define BACK_PIECE 65536

struct ear { /* one connection */
	struct back *back;
	int fd;
	char *heard;
	size_t kept, len;
	size_t taken; /* of what came, what the script has been through */
	bool is_over, is_torn;
};

struct back {
	char *address;
	int fd;
	const char *real; /* NULL: plays */
	const struct back_part *part;
	size_t part_count;
	pthread_mutex_t lock; /* of what follows, and what was heard */
	pthread_cond_t let;
	bool is_let;
	struct ear ear[CONNS_MAX];
	size_t count;
};

bool back_say(int fd, const char *p, size_t len);
/* At most BACK_PIECE bytes; false at the end. */
bool back_hear(struct ear *e, char *piece, size_t *out_len);
/* Requests until the connection is over. */
void back_play(struct ear *e);

#endif
