/* back_play.c — scripts; see back.h. What one connection has heard is changed
 * by its own thread alone, which therefore reads it without the lock. */
#include "back_priv.h"
#include "gw/util.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- hearing */

/* Goes on to behind this word, over what has come and what comes yet. */
static bool
hear_word(struct ear *e, const char *word)
{
	size_t len = strlen(word), n;
	char piece[BACK_PIECE];
	const char *at;

	for (;;) {
		at = memmem(e->heard + e->taken, e->kept - e->taken, word,
			    len);
		if (at != NULL) {
			e->taken = (size_t)(at - e->heard) + len;
			return true;
		}
		if (!back_hear(e, piece, &n))
			return false;
	}
}

static bool
hear_bytes(struct ear *e, size_t len)
{
	size_t end = e->taken + len, n;
	char piece[BACK_PIECE];

	while (e->len < end)
		if (!back_hear(e, piece, &n))
			return false;
	e->taken = e->kept;
	return true;
}

/* ---- steps */

/* Each in a packet of its own. */
static bool
say_slowly(struct ear *e, const char *s)
{
	const int one = 1;

	(void)setsockopt(e->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	for (; *s != '\0'; s++) {
		if (!back_say(e->fd, s, 1))
			return false;
		usleep(1000);
	}
	return true;
}

static bool
say_long(struct ear *e, size_t len)
{
	char piece[BACK_PIECE];

	memset(piece, 'x', sizeof(piece));
	for (; len > 0; len -= GW_MIN(len, sizeof(piece)))
		if (!back_say(e->fd, piece, GW_MIN(len, sizeof(piece))))
			return false;
	return true;
}

static bool
echo(struct ear *e)
{
	char piece[BACK_PIECE];
	size_t n;

	if (!back_say(e->fd, e->heard + e->taken, e->kept - e->taken))
		return false;
	while (back_hear(e, piece, &n))
		if (!back_say(e->fd, piece, n))
			return false;
	return true;
}

static bool
hear_end(struct ear *e)
{
	char piece[BACK_PIECE];
	size_t n;

	while (back_hear(e, piece, &n))
		;
	return true;
}

static bool
wait_until_let(struct back *b)
{
	pthread_mutex_lock(&b->lock);
	while (!b->is_let)
		pthread_cond_wait(&b->let, &b->lock);
	pthread_mutex_unlock(&b->lock);
	return true;
}

/* False when the connection is over. */
static bool
play_step(struct ear *e, const struct back_step *s)
{
	switch (s->does) {
	case BACK_SAY:
		return back_say(e->fd, s->text, s->len > 0 ? s->len
						      : strlen(s->text));
	case BACK_SAY_SLOWLY:
		return say_slowly(e, s->text);
	case BACK_SAY_LONG:
		return say_long(e, s->len);
	case BACK_HEAR:
		return hear_word(e, s->text);
	case BACK_HEAR_BYTES:
		return hear_bytes(e, s->len);
	case BACK_HEAR_END:
		return hear_end(e);
	case BACK_ECHO:
		return echo(e);
	case BACK_WAIT:
		return wait_until_let(e->back);
	case BACK_SHUT:
		return shutdown(e->fd, SHUT_WR) == 0;
	default:
		return false;
	}
}

/* ---- requests */

static bool
play_default(struct ear *e, const char *path)
{
	char answer[512];
	int n = snprintf(answer, sizeof(answer), "HTTP/1.1 200 OK\r\n"
			 "Content-Length: %zu\r\n\r\n%s", strlen(path), path);

	return back_say(e->fd, answer, (size_t)n);
}

static bool
play(struct ear *e, const char *path)
{
	const struct back *b = e->back;

	for (size_t i = 0; i < b->part_count; i++) {
		const struct back_step *s = b->part[i].step;

		if (strcmp(b->part[i].path, path) != 0)
			continue;
		for (; s->does != BACK_END; s++)
			if (!play_step(e, s))
				return false;
		return true;
	}
	return play_default(e, path);
}

void
back_play(struct ear *e)
{
	char path[256];
	size_t from;

	do {
		from = e->taken;
		if (!hear_word(e, "\r\n\r\n") ||
		    sscanf(e->heard + from, "%*s %255s", path) != 1)
			return;
	} while (play(e, path));
}

