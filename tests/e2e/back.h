/* back.h — what stands behind a gateway of a test's own, in a thread: either
 * a relay to a real server that hears each byte on the way to it, or a player
 * that answers by a script, for what no real server says. It listens on a
 * port of the kernel's choice and ends with the test. */
#ifndef E2E_BACK_H
#define E2E_BACK_H

#include "lab.h"

enum back_does {
	BACK_END,       /* of the script: the next request may come */
	BACK_SAY,       /* `text`, or `len` bytes of it */
	BACK_SAY_SLOWLY, /* `text`, a byte at a time */
	BACK_SAY_LONG,  /* `len` bytes, all 'x' */
	BACK_HEAR,      /* until `text` has come */
	BACK_HEAR_BYTES, /* `len` more */
	BACK_HEAR_END,  /* until the other side has said all */
	BACK_ECHO,      /* until then */
	BACK_WAIT,      /* for back_let(), deaf until then */
	BACK_SHUT,      /* says no more, hears on */
	BACK_CLOSE,
};

struct back_step {
	enum back_does does;
	const char *text;
	size_t len; /* BACK_SAY: 0: strlen(text) */
};

#define BACK_STEPS_MAX 8
struct back_part { /* what a request for this path is answered with */
	const char *path;
	struct back_step step[BACK_STEPS_MAX];
};

struct back;

/* `real`: "ADDRESS:PORT". */
struct back *back_relay(const char *real);
/* A path in no part is answered with 200 and the path. `part` is borrowed. */
struct back *back_player(const struct back_part *part, size_t count);
const char *back_address(const struct back *b); /* "127.0.0.1:PORT" */
void back_let(struct back *b);

/* How many connections have come. */
size_t back_count(struct back *b);
/* What came over the i-th; NUL-terminated, lives until the test ends. */
char *back_heard(struct back *b, size_t i, size_t *out_len);
/* The first of them that holds this; NULL when none does. */
char *back_heard_with(struct back *b, const char *word);
/* Waits until the i-th is over, or has brought this much; false when that
 * takes more than a minute. */
bool back_is_over(struct back *b, size_t i);
/* The same; true when it ended by a reset, false also when not. */
bool back_is_torn(struct back *b, size_t i);
bool back_hears(struct back *b, size_t i, size_t len);

#endif
