/* door.h — a gateway of the test's own whose listener has limits of its own:
 * who gets in there and who does not, and what it counts. One at a time; its
 * one worker takes clients in the order in which they come. */
#ifndef E2E_DOOR_H
#define E2E_DOOR_H

#include "gate.h"
#include "wire.h"

#define HOST      "Host: gateway.corp.example.com\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"

extern struct gate door;

/* With these lines in its listener, and these in the file besides. */
void door_open(const char *keys, const char *rest);
/* The same, run by these words (ended by NULL). */
void door_open_by(const char *const words[], const char *keys,
		  const char *rest);
void door_shut(void);

/* ---- clients */

/* Says this; the status of the answer, when the word stands in it. */
bool is_answered(struct wire *w, const char *said, int status,
		 const char *word);
/* A request is answered by the upstream. */
bool is_served(struct wire *w);
struct wire *enter_from(const char *ip);
/* One who comes from this address (a string), for await(). */
bool gets_in(void *ip);
/* Nobody from there gets so far as TLS; told at once. */
void expect_refused(const char *what, const char *ip);

/* ---- what is counted */

int64_t door_count(const char *what);
void expect_counted(const char *what, int64_t n);
/* A line of its log holds both. */
void expect_logged(const char *event, const char *word, const char *other);

#endif
